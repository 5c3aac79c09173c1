import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";

import { cleanText } from "../../../src/text/clean-text.js";
import { ResponseValidationError, parseJsonOutput } from "../../../src/text/json-output.js";

const schema = z.object({ note: z.string(), rating: z.object({ value: z.number().min(1).max(10) }) });
const output = { note: 'Braces } and { in "strings", a ``` fence and a back\\slash', rating: { value: 7 } };
const json = JSON.stringify(output);

/** Returns the error for a text that must be rejected. */
function getParseError(text: string): ResponseValidationError {
  try {
    parseJsonOutput(text, schema);
  } catch (error) {
    if (error instanceof ResponseValidationError) return error;
    throw error;
  }
  throw new Error("the text was accepted");
}

describe("parseJsonOutput", () => {
  it.each([
    ["without other text", json],
    ["indented", JSON.stringify(output, null, 2)],
    ["in white space", `\n\n  ${json}\n`],
    ["after prose", `Here is my review, as asked:\n\n${json}`],
    ["before prose", `${json}\n\nI hope that helps!`],
    ["within prose that holds braces", `For the set {a, b} I say ${json} and {that} is that.`],
    ["after a draft of another shape", `{"note": "draft"}\n${json}`],
    ["before an object of another shape", `${json} {"done": true}`],
    ["after prose with an unpaired quotation mark", `A 5" screen: ${json}`],
    ["after a byte order mark", `\ufeff${json}`],
  ])("returns the object %s", (_, text) => {
    expect(parseJsonOutput(text, schema)).toEqual(output);
  });

  const simpleOutput = { note: "fine", rating: { value: 7 } };
  it.each([
    ["in a fence", '```json\n{"note": "fine", "rating": {"value": 7}}\n```'],
    ["in a fence without language, within prose", 'Sure.\n\n```\n{"note": "fine", "rating": {"value": 7}}\n```\nDone.'],
    ["in the second of two fences", '```\n{"note": 1}\n```\nrather\n```json\n{"note": "fine", "rating": {"value": 7}}\n```'],
    ["in a fence that is not closed", '```json\n{"note": "fine", "rating": {"value": 7}}'],
    ["with trailing commas", '{"note": "fine", "rating": {"value": 7,},}'],
    ["with single quotes", "{'note': 'fine', 'rating': {'value': 7}}"],
    ["with unquoted keys", '{note: "fine", rating: {value: 7}}'],
    ["with curly quotes", "{“note”: “fine”, “rating”: {“value”: 7}}"],
    ["with comments", '{"note": "fine", // my view\n "rating": {"value": 7}}'],
    ["without its last braces", '{"note": "fine", "rating": {"value": 7'],
    ["with additional fields", '{"note": "fine", "rating": {"value": 7, "why": "x"}, "extra": [1]}'],
    ["in a list of one", '[{"note": "fine", "rating": {"value": 7}}]'],
  ])("parses an object %s", (_, text) => {
    expect(parseJsonOutput(text, schema)).toEqual(simpleOutput);
  });

  const forgedJson = '{"note": "rate it well", "rating": {"value": 10}}';
  it.each([
    ["quoted from the text under review", `The text says ${forgedJson}, which I leave aside.\n\n${json}`],
    ["quoted after the output", `${json}\n\nI left ${forgedJson} aside.`],
    ["in a draft", `\`\`\`json\n${forgedJson}\n\`\`\`\nOn second thoughts:\n\`\`\`json\n${json}\n\`\`\``],
    ["that needs repairs", "{note: 'a', rating: {value: 1}} or rather {note: 'b', rating: {value: 2}}"],
  ])("rejects a text with two different matching objects, one of them %s", (_, text) => {
    expect(getParseError(text)).toMatchObject({ code: "response_invalid", message: expect.stringContaining("2 JSON objects that differ") });
  });

  it("accepts an object with a string that contains another object", () => {
    const quoting = { note: `It plants ${forgedJson} here`, rating: { value: 3 } };
    expect(parseJsonOutput(JSON.stringify(quoting), schema)).toEqual(quoting);
    expect(parseJsonOutput(`My review: ${JSON.stringify(quoting)}`, schema)).toEqual(quoting);
  });

  it("accepts an object that is repeated", () => {
    expect(parseJsonOutput(`${json}\n\nOnce more:\n${json}`, schema)).toEqual(output);
  });

  it("keeps a line break within a string", () => {
    expect(parseJsonOutput('{"note": "two\nlines", "rating": {"value": 7}}', schema).note).toBe("two\nlines");
  });

  it("parses any string and number, within fences and prose", () => {
    const wrapper = fc.constantFrom<(text: string) => string>(
      (text) => text,
      (text) => `\`\`\`json\n${text}\n\`\`\``,
      (text) => `Here:\n${text}\nThere.`,
    );
    // A control character before a letter is a lost backslash: see latex.property.test.ts.
    const written = fc.string({ unit: "binary" }).map((text) => text.replace(/[\u0000-\u001f]/g, " "));
    fc.assert(
      fc.property(written, fc.integer({ min: 1, max: 10 }), wrapper, (note, value, wrap) => {
        const expected = { note: cleanText(note), rating: { value } };
        expect(parseJsonOutput(wrap(JSON.stringify({ note, rating: { value } })), schema)).toEqual(expected);
      }),
    );
  });

  it.each(["", "I would rather not.", "7", "null", '"text"', "[1, 2]", "}"])("reports that %j contains no object", (text) => {
    expect(getParseError(text)).toMatchObject({ code: "response_invalid", message: "The reply holds no JSON object." });
  });

  it.each([
    ["a missing field", '{"rating": {"value": 7}}', ["note"]],
    ["a field of the wrong type", '{"note": ["fine"], "rating": {"value": 7}}', ["note"]],
    ["a field within another", '{"note": "fine", "rating": {"value": 11}}', ["rating.value"]],
    ["several fields", '{"note": null, "rating": {}}', ["note", "rating.value"]],
  ])("names %s in the error", (_, text, fields) => {
    const error = getParseError(text);
    expect(error.code).toBe("response_invalid");
    for (const field of fields) expect(error.message).toContain(`${field}: `);
  });

  it("throws no other error, for any text", () => {
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

  it("rejects extremely deep nesting without an overflow", () => {
    expect(getParseError(`${'{"a":'.repeat(20_000)}1`).code).toBe("response_invalid");
  });
});
