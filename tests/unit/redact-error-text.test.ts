import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createErrorTextRedactor } from "../../src/redaction.js";

const redactErrorText = (text: string, secrets: readonly string[]) => createErrorTextRedactor(secrets)(text);

describe("createErrorTextRedactor", () => {
  it("hides a known secret anywhere in a text", () => {
    const secrets = fc.string({ unit: fc.constantFrom(..."abcXYZ019-_.".split("")), minLength: 8, maxLength: 60 });
    fc.assert(
      fc.property(secrets, fc.string(), fc.string(), (secret, before, after) => {
        expect(redactErrorText(`${before}${secret}${after}`, [secret])).not.toContain(secret);
      }),
    );
  });

  it("hides keys and tokens by their shape", () => {
    const text = redactErrorText("Incorrect API key provided: sk-proj-abc123DEF456. Bearer abc.def.ghi123456", []);
    expect(text).toContain("Incorrect API key provided: [secret]");
    expect(text).not.toMatch(/abc123DEF456|abc\.def\.ghi/);
  });

  it("hides a secret completely that begins like another one", () => {
    expect(redactErrorText("GET /?key=planted-0001-long", ["planted-0001", "planted-0001-long"])).toBe("GET /?key=[secret]");
  });

  it("hides a secret that extends beyond the end of a long text", () => {
    const secret = "planted-secret-".repeat(20);
    expect(redactErrorText(`${"x".repeat(480)}${secret}`, [secret])).toBe(`${"x".repeat(480)}[secret]`);
  });

  it("does not hide a placeholder key that is a common word", () => {
    expect(redactErrorText("none of the models is known", ["none"])).toBe("none of the models is known");
  });

  it("returns one line without control characters", () => {
    expect(redactErrorText("a\u001b[31mred\r\n\tb\u0000", [])).toBe("a [31mred b");
  });

  it("returns at most 500 characters", () => {
    expect(redactErrorText("x".repeat(10_000), [])).toHaveLength(500);
  });
});
