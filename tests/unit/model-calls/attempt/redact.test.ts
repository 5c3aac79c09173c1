import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { redact } from "../../../../src/model-calls/attempt/redact.js";

describe("redact", () => {
  it("lets no key through, wherever it stands", () => {
    const key = fc.string({ unit: fc.constantFrom(..."abcXYZ019-_.".split("")), minLength: 8, maxLength: 60 });
    fc.assert(
      fc.property(key, fc.string(), fc.string(), (secret, before, after) => {
        fc.pre(!"[key]".includes(secret));
        expect(redact(`${before}${secret}${after}`, [secret])).not.toContain(secret);
      }),
    );
  });

  it("hides keys that it was not told of", () => {
    expect(redact("Incorrect API key provided: sk-proj-abc123DEF456. Bearer abc.def.ghi", [])).toBe("Incorrect API key provided: [key]. [key]");
  });

  it("leaves nothing of a key that begins as another does", () => {
    expect(redact("GET /?key=planted-0001-long", ["planted-0001", "planted-0001-long"])).toBe("GET /?key=[key]");
  });

  it("does not garble texts for the sake of a dummy", () => {
    expect(redact("none of the models is known", ["none"])).toBe("none of the models is known");
  });

  it("gives one line without control characters, of bounded length", () => {
    expect(redact("a\u001b[31mred\r\n\tb\u0000", [])).toBe("a [31mred b");
    expect(redact("x".repeat(10_000), [])).toHaveLength(500);
  });
});
