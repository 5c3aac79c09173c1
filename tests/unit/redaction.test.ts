import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { createRedactor } from "../../src/redaction.js";

const placeholder = "[secret]";
/** Secrets that no word around them, and no replacement, could make up by chance. */
const secret = fc
  .string({ minLength: 8, maxLength: 40, unit: "grapheme-ascii" })
  .filter((value) => /\d/.test(value) && !placeholder.includes(value.trim()));

describe("known secrets", () => {
  test("are found wherever they stand, in whatever form", () => {
    fc.assert(
      fc.property(secret, fc.string(), fc.string(), (value, before, after) => {
        const scrubber = createRedactor({ MODEL_API_KEY: value });
        const said = `${before}${value}${after}`;
        const cyclic: Record<string, unknown> = { said };
        cyclic.self = cyclic;
        const { value: copy } = scrubber.redactValue({
          [said]: [said, new Map([["text", said]]), new Set([said])],
          error: new Error(said),
          quoted: JSON.stringify({ said }),
          url: `https://example.org/?q=${encodeURIComponent(value)}`,
          own: { toJSON: () => ({ said }) },
          cyclic,
        });
        const json = JSON.stringify(copy);
        for (const form of [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)]) {
          if (placeholder.includes(form)) continue;
          expect(scrubber.redactText(said)).not.toContain(form);
          expect(json).not.toContain(JSON.stringify(form).slice(1, -1));
        }
      }),
    );
  });

  test.each([
    ["OPENAI_API_KEY", true],
    ["AWS_ACCESS_KEY_ID", true],
    ["HF_TOKEN", true],
    ["MYAPIKEY", true],
    ["DB_PASSWORD", true],
    ["CLIENT_SECRETS", true],
    ["API_KEY_2", true],
    ["KEYBOARD", false],
    ["TOKENIZERS_PARALLELISM", false],
    ["HOME", false],
  ])("%s is a secret by its name: %s", (name, isSecret) => {
    expect(
      createRedactor({ [name]: "some-value-1" })
        .redactText("it says some-value-1")
        .includes("some-value-1"),
    ).toBe(!isSecret);
  });

  test("of any name are hidden once named", () => {
    const scrubber = createRedactor({ CORPORATE: "corporate-value" });
    expect(scrubber.redactText("corporate-value")).toBe("corporate-value");
    scrubber.addSecrets({ variables: ["CORPORATE", "UNKNOWN"], values: ["single-value"] });
    expect(scrubber.redactText("corporate-value, single-value")).toBe(`${placeholder}, ${placeholder}`);
  });

  test("are found without the line break that a file put behind them", () => {
    expect(createRedactor({ MODEL_API_KEY: " some-value-1\n" }).redactText("it says some-value-1.")).toBe(`it says ${placeholder}.`);
  });

  test("too short to be one are left alone, since they would garble every text", () => {
    expect(createRedactor({ OPENAI_API_KEY: "none", MAX_TOKENS: "2048" }).redactText("none of 2048")).toBe("none of 2048");
  });

  test("in connection strings are found on their own, as written and as meant", () => {
    const scrubber = createRedactor({ DATABASE_URL: "postgres://me:p%40ss/word1@db/x" });
    expect(scrubber.redactText("refused: p@ss/word1")).toBe(`refused: ${placeholder}`);
  });
});

describe("secrets of unknown value", () => {
  test.each([
    "sk-proj-abcdefgh12345678",
    "lsv2_pt_0123456789abcdef0123456789abcdef_0123456789",
    "Authorization: Bearer abcdefgh12345678",
    "authorization: Basic dXNlcjpwYXNzd29yZA==",
    "x-api-key: abcdefgh12345678",
    "postgres://me:hunter2@db/x",
    "https://token@example.org/",
    "api_key=abcdefgh12345678",
  ])("%s", (text) => {
    const scrubbed = createRedactor({}).redactText(`it said ${text} to me`);
    expect(scrubbed).toContain(placeholder);
    for (const word of ["abcdefgh12345678", "0123456789abcdef", "dXNlcjpwYXNzd29yZA", "hunter2", "//token@"]) expect(scrubbed).not.toContain(word);
  });

  test("plain words stay as they are", () => {
    const words = "A basic introduction to key signatures, bearer shares, tokens per second, risk-averse people and https://example.org/a?b=c.";
    expect(createRedactor({}).redactText(words)).toBe(words);
  });

  test("are left alone where only known ones are to be hidden", () => {
    const scrubber = createRedactor({ MY_KEY: "known-secret" }, { shapes: false });
    expect(scrubber.redactText("Bearer abcdefgh12345678 known-secret")).toBe(`Bearer abcdefgh12345678 ${placeholder}`);
  });
});

test("a copy is what JSON would make of the value, and says about how long that is", () => {
  const value = { n: 1, big: 10n, none: null, left: undefined, call: () => 1, when: new Date(0), list: [1, "two"], bytes: new Uint8Array(3) };
  const { value: copy, size } = createRedactor({}).redactValue(value);
  expect(JSON.parse(JSON.stringify(copy))).toEqual({
    n: 1,
    big: "10",
    none: null,
    when: "1970-01-01T00:00:00.000Z",
    list: [1, "two"],
    bytes: "[3 bytes]",
  });
  expect(size).toBeGreaterThan(40);
  const bad = { toJSON: () => { throw new Error("no"); } }; // prettier-ignore
  expect(createRedactor({}).redactValue(bad).value).toBe("[not serialisable]");
});
