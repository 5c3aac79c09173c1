import fc from "fast-check";
import { expect, test } from "vitest";

import { createErrorTextRedactor, createRedactor, getQuerySecrets } from "../../src/redaction.js";

const placeholder = "[secret]";
/** Secrets that cannot be part of the texts around them or of the placeholder by chance. */
const arbitrarySecret = fc
  .string({ minLength: 8, maxLength: 40, unit: "grapheme-ascii" })
  .filter((value) => /\d/.test(value) && !placeholder.includes(value.trim()));

test("a known secret is hidden everywhere in a value and in every form", () => {
  fc.assert(
    fc.property(arbitrarySecret, fc.string(), fc.string(), (secret, before, after) => {
      const redactor = createRedactor({ MODEL_API_KEY: secret });
      const text = `${before}${secret}${after}`;
      const cyclic: Record<string, unknown> = { text };
      cyclic.self = cyclic;
      const { value } = redactor.redactValue({
        [text]: [text, new Map([["text", text]]), new Set([text])],
        error: new Error(text),
        quoted: JSON.stringify({ text }),
        url: `https://example.org/?q=${encodeURIComponent(secret)}`,
        custom: { toJSON: () => ({ text }) },
        cyclic,
      });
      const json = JSON.stringify(value);
      for (const form of [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]) {
        if (placeholder.includes(form)) continue;
        expect(redactor.redactText(text)).not.toContain(form);
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
])("the name of the variable %s decides whether its value is a secret: %s", (name, isSecret) => {
  const redacted = createRedactor({ [name]: "some-value-1" }).redactText("it says some-value-1");
  expect(redacted.includes("some-value-1")).toBe(!isSecret);
});

test("a variable of any name is hidden once it is added", () => {
  const redactor = createRedactor({ CORPORATE: "corporate-value" });
  expect(redactor.redactText("corporate-value")).toBe("corporate-value");
  redactor.addSecrets({ variables: ["CORPORATE", "UNKNOWN"], values: ["single-value"] });
  expect(redactor.redactText("corporate-value, single-value")).toBe(`${placeholder}, ${placeholder}`);
});

test("a secret is found without the white space around it", () => {
  expect(createRedactor({ MODEL_API_KEY: " some-value-1\n" }).redactText("it says some-value-1.")).toBe(`it says ${placeholder}.`);
});

test("a value that is too short to be a secret is not hidden", () => {
  expect(createRedactor({ OPENAI_API_KEY: "none", MAX_TOKENS: "2048" }).redactText("none of 2048")).toBe("none of 2048");
});

test("the longer of two secrets is hidden completely", () => {
  const redactor = createRedactor({ SHORT_KEY: "some-value-1", LONG_KEY: "some-value-1-and-more" });
  expect(redactor.redactText("some-value-1-and-more")).toBe(placeholder);
});

test("a password in a connection string is found encoded and decoded", () => {
  const redactor = createRedactor({ DATABASE_URL: "postgres://me:p%40ss/word1@db/x" });
  expect(redactor.redactText("refused: p@ss/word1")).toBe(`refused: ${placeholder}`);
});

test.each([
  "sk-proj-abcdefgh12345678",
  "lsv2_pt_0123456789abcdef0123456789abcdef_0123456789",
  "Authorization: Bearer abcdefgh12345678",
  "authorization: Basic dXNlcjpwYXNzd29yZA==",
  "x-api-key: abcdefgh12345678",
  "postgres://me:hunter2@db/x",
  "https://token@example.org/",
  "api_key=abcdefgh12345678",
])("an unknown secret is hidden because of its pattern: %s", (text) => {
  const redacted = createRedactor({}).redactText(`it said ${text} to me`);
  expect(redacted).toContain(placeholder);
  for (const secret of ["abcdefgh12345678", "0123456789abcdef", "dXNlcjpwYXNzd29yZA", "hunter2", "//token@"]) expect(redacted).not.toContain(secret);
});

test("plain text stays as it is", () => {
  const text = "A basic introduction to key signatures, bearer shares, tokens per second, risk-averse people and https://example.org/a?b=c.";
  expect(createRedactor({}).redactText(text)).toBe(text);
});

test("without patterns only known secrets are hidden", () => {
  const redactor = createRedactor({ MY_KEY: "known-secret" }, { patterns: false });
  expect(redactor.redactText("Bearer abcdefgh12345678 known-secret")).toBe(`Bearer abcdefgh12345678 ${placeholder}`);
});

test("a redacted value is what JSON would make of the value, with its approximate length", () => {
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
});

test("a value whose toJSON throws is replaced", () => {
  const throwNo = () => {
    throw new Error("no");
  };
  expect(createRedactor({}).redactValue({ toJSON: throwNo }).value).toBe("[not serialisable]");
});

test("an error text shows no part of a known secret, however long the text is", () => {
  const redact = createErrorTextRedactor(["some-value-1"]);
  for (let padding = 4980; padding <= 5000; padding++) expect(redact(`${" ".repeat(padding)}some-value-1`)).not.toContain("some");
});

test("a query may hold a secret as written, as sent and decoded", () => {
  expect(getQuerySecrets("https://example.org/v1?key=a%20b&version=1")).toEqual(expect.arrayContaining(["a%20b", "a+b", "a b", "1"]));
  expect(getQuerySecrets(null)).toEqual([]);
});
