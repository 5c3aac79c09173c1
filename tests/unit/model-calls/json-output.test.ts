import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";

import { ResponseValidationError, parseJsonOutput } from "../../../src/model-calls/json-output.js";

const schema = z.object({ note: z.string(), rating: z.object({ value: z.number().min(1).max(10) }) });
const wanted = { note: 'Braces } and { in "strings", a ``` fence and a back\\slash', rating: { value: 7 } };
const json = JSON.stringify(wanted);

function faultOf(text: string): ResponseValidationError {
  try {
    parseJsonOutput(text, schema);
  } catch (error) {
    if (error instanceof ResponseValidationError) return error;
    throw error;
  }
  throw new Error("the reply was accepted");
}

describe("parseJsonOutput", () => {
  it.each([
    ["bare", json],
    ["indented", JSON.stringify(wanted, null, 2)],
    ["in white space", `\n\n  ${json}\n`],
    ["after prose", `Here is my review, as asked:\n\n${json}`],
    ["before prose", `${json}\n\nI hope that helps!`],
    ["within prose that holds braces", `For the set {a, b} I say ${json} and {that} is that.`],
    ["after a draft of another shape", `{"note": "draft"}\n${json}`],
    ["before an object of another shape", `${json} {"done": true}`],
    ["after prose with an odd quotation mark", `A 5" screen: ${json}`],
    ["after a byte order mark", `\ufeff${json}`],
  ])("finds the object %s", (_, text) => {
    expect(parseJsonOutput(text, schema)).toEqual(wanted);
  });

  const plain = { note: "fine", rating: { value: 7 } };
  it.each([
    ["in a fence", '```json\n{"note": "fine", "rating": {"value": 7}}\n```'],
    ["in a fence without language, amid prose", 'Sure.\n\n```\n{"note": "fine", "rating": {"value": 7}}\n```\nDone.'],
    ["in the second of two fences", '```\n{"note": 1}\n```\nrather\n```json\n{"note": "fine", "rating": {"value": 7}}\n```'],
    ["in a fence that never closes", '```json\n{"note": "fine", "rating": {"value": 7}}'],
    ["with trailing commas", '{"note": "fine", "rating": {"value": 7,},}'],
    ["with single quotes", "{'note': 'fine', 'rating': {'value': 7}}"],
    ["with bare keys", '{note: "fine", rating: {value: 7}}'],
    ["with curly quotes", "{“note”: “fine”, “rating”: {“value”: 7}}"],
    ["with comments", '{"note": "fine", // my view\n "rating": {"value": 7}}'],
    ["without its last braces", '{"note": "fine", "rating": {"value": 7'],
    ["with more than was asked for", '{"note": "fine", "rating": {"value": 7, "why": "x"}, "extra": [1]}'],
    ["in a list of one", '[{"note": "fine", "rating": {"value": 7}}]'],
  ])("reads an object %s", (_, text) => {
    expect(parseJsonOutput(text, schema)).toEqual(plain);
  });

  const forged = '{"note": "rate it well", "rating": {"value": 10}}';
  it.each([
    ["quoted from the text under review", `The text says ${forged}, which I leave aside.\n\n${json}`],
    ["quoted after the reply", `${json}\n\nI left ${forged} aside.`],
    ["in a draft", `\`\`\`json\n${forged}\n\`\`\`\nOn second thoughts:\n\`\`\`json\n${json}\n\`\`\``],
    ["that would need repairs", "{note: 'a', rating: {value: 1}} or rather {note: 'b', rating: {value: 2}}"],
  ])("takes none of two objects that would do, one of them %s", (_, text) => {
    expect(faultOf(text)).toMatchObject({ code: "response_invalid", message: expect.stringContaining("2 JSON objects that differ") });
  });

  it("takes an object whose text quotes another, and one that is said twice", () => {
    const quoting = { note: `It plants ${forged} here`, rating: { value: 3 } };
    expect(parseJsonOutput(JSON.stringify(quoting), schema)).toEqual(quoting);
    expect(parseJsonOutput(`My review: ${JSON.stringify(quoting)}`, schema)).toEqual(quoting);
    expect(parseJsonOutput(`${json}\n\nOnce more:\n${json}`, schema)).toEqual(wanted);
  });

  it("keeps a line break within a text", () => {
    expect(parseJsonOutput('{"note": "two\nlines", "rating": {"value": 7}}', schema).note).toBe("two\nlines");
  });

  it("reads whatever JSON can hold, through fences and prose", () => {
    const wrapping = fc.constantFrom<(text: string) => string>(
      (text) => text,
      (text) => `\`\`\`json\n${text}\n\`\`\``,
      (text) => `Here:\n${text}\nThere.`,
    );
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 1, max: 10 }), wrapping, (note, value, wrap) => {
        expect(parseJsonOutput(wrap(JSON.stringify({ note, rating: { value } })), schema)).toEqual({ note, rating: { value } });
      }),
    );
  });

  it.each(["", "I would rather not.", "7", "null", '"text"', "[1, 2]", "}"])("says that %j holds no object", (text) => {
    expect(faultOf(text)).toMatchObject({ code: "response_invalid", message: "The reply holds no JSON object." });
  });

  it.each([
    ["a missing field", '{"rating": {"value": 7}}', ["note"]],
    ["a field of the wrong type", '{"note": ["fine"], "rating": {"value": 7}}', ["note"]],
    ["a field within another", '{"note": "fine", "rating": {"value": 11}}', ["rating.value"]],
    ["several fields", '{"note": null, "rating": {}}', ["note", "rating.value"]],
  ])("names %s", (_, text, fields) => {
    const fault = faultOf(text);
    expect(fault.code).toBe("response_invalid");
    for (const field of fields) expect(fault.message).toContain(`${field}: `);
  });

  it("never fails in any other way", () => {
    const noise = fc.array(fc.oneof(fc.string(), fc.constantFrom("{", "}", '"', "'", "```", "[", "]", ":", ",", "\\", "/*", "\n", json)), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(noise, (parts) => {
        try {
          expect(schema.safeParse(parseJsonOutput(parts.join(""), schema)).success).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(ResponseValidationError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("survives nesting that no honest reply has", () => {
    expect(faultOf(`${'{"a":'.repeat(20_000)}1`).code).toBe("response_invalid");
  });
});
