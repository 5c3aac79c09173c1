import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { cleanText } from "../../../src/text/clean-text.js";

/** Characters that must never reach a row. */
const forbidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const anyText = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "\u200b",
        "\u200d",
        "\ufeff",
        "\ud83d",
        "\udc69",
        "👩‍💻",
        "ไทย",
        "نمی‌",
        "\u001b[31m",
        "\r\n",
        "\r",
        "\n",
        "a",
        "🏴",
        "\u{e0067}",
        "\u202e",
      ),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(""));

describe("cleanText", () => {
  it("a cleaned text holds no control character and no half surrogate pair", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(cleanText(text)).not.toMatch(forbidden);
      }),
      { numRuns: 2_000 },
    );
  });

  it("cleaning a text twice changes nothing more", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(cleanText(cleanText(text))).toBe(cleanText(text));
      }),
      { numRuns: 2_000 },
    );
  });

  it("ordinary text of any script stays as it is", () => {
    const letters = "abc XYZ 0123 äöüß éñ Ж漢字かなカナ한국어 עברית العربية ไทย हिन्दी 😀 👍🏽 €§ „Zitat“ – … \n\t{}[]<>|$\\^";
    const ordinary = fc.string({ unit: fc.constantFrom(...(letters.match(/\p{L}\p{M}*|\P{L}/gu) ?? [])), maxLength: 60 });
    fc.assert(
      fc.property(ordinary, (text) => {
        expect(cleanText(`a${text}`)).toBe(`a${text}`);
      }),
    );
  });
});
