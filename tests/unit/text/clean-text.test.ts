import { describe, expect, it } from "vitest";

import { cleanText } from "../../../src/text/clean-text.js";

/** What a model sent, and what may reach a row. */
const cleaned: readonly (readonly [what: string, sent: string, kept: string])[] = [
  ["half an emoji", "Half an emoji \ud83d here", "Half an emoji \ufffd here"],
  ["the other half", "Half \udc69 here", "Half \ufffd here"],
  ["NUL", "A NUL \u0000 here", "A NUL  here"],
  ["a bell and a colour", "bell \u0007 esc \u001b[31mred\u001b[0m", "bell  esc red"],
  ["a terminal's title", "\u001b]0;title\u0007text", "text"],
  ["C1 controls", "a\u0080b\u009fc", "abc"],
  ["CRLF and CR", "one\r\ntwo\rthree", "one\ntwo\nthree"],
  ["a next-line character and a form feed", "one\u0085two\u000cthree", "one\ntwo\nthree"],
  ["zero-width characters between Latin letters", "to\u200bget\u200cher \u2060now\ufeff", "together now"],
  ["nothing but zero-width characters", "\u200b\u200b\ufeff", ""],
  ["nothing but white space and fillers", " \n\u3164\u2800\u00a0", ""],
  ["nothing but replacement characters", "\ufffd\ufffd", ""],
  ["hidden tag characters", "Hi\u{e0068}\u{e0069}!", "Hi!"],
  ["an override of direction in Latin text", "abc \u202e def", "abc  def"],
];
/** What must stay as it is. */
const kept: readonly (readonly [what: string, text: string])[] = [
  ["an emoji of several", "👩‍💻 and 👨‍👩‍👧‍👦 and 🏳️‍🌈 and 👩🏽‍🚀"],
  ["a flag of a region", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"],
  ["Persian with joiners", "می‌خواهم"],
  ["Hindi with joiners", "क्‍ष"],
  ["Thai with word breaks", "ภาษา\u200bไทย"],
  ["Hebrew with marks of direction", "שלום \u202babc\u202c"],
  ["a left-to-right mark", "שלום\u200e!"],
  ["decomposed accents", "cafe\u0301"],
  ["line separators", "one\u2028two\u2029three"],
  ["a soft hyphen", "Donau\u00addampf"],
  ["code", "if (a) {\n\treturn b;\n}"],
  ["a replacement character in a sentence", "broken \ufffd bytes"],
];

describe("cleanText", () => {
  it.each(cleaned)("%s is cleaned", (_, sent, expected) => {
    expect(cleanText(sent)).toBe(expected);
  });

  it.each(kept)("%s stays", (_, text) => {
    expect(cleanText(text)).toBe(text);
  });
});
