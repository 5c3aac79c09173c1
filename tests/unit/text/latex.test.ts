import { describe, expect, it } from "vitest";
import { z } from "zod";

import { parseJsonOutput } from "../../../src/text/json-output.js";

const schema = z.object({ note: z.string() });

/** The string as the model wrote it between two quote marks, and what it means. */
const notes: readonly (readonly [what: string, written: string, meant: string])[] = [
  [
    "commands that are escapes",
    String.raw`Why is $\frac{a}{b}$ undefined, and how does $\theta \neq \beta$ or $\rho$ enter?`,
    String.raw`Why is $\frac{a}{b}$ undefined, and how does $\theta \neq \beta$ or $\rho$ enter?`,
  ],
  ["commands that are no escapes", String.raw`$\alpha + \sum_i x_i$ and $\sqrt{2}$`, String.raw`$\alpha + \sum_i x_i$ and $\sqrt{2}$`],
  ["commands that are half an escape", String.raw`$\nu$ and $\upsilon$`, String.raw`$\nu$ and $\upsilon$`],
  ["formulas in brackets", String.raw`\(a \times b\) and \[c \to d\]`, String.raw`\(a \times b\) and \[c \to d\]`],
  ["commands outside a formula", String.raw`a \neq b, 3 \times 4, \text{if}`, String.raw`a \neq b, 3 \times 4, \text{if}`],
  ["commands written twice", String.raw`$\\frac{a}{b} \\neq \\nu$`, String.raw`$\frac{a}{b} \neq \nu$`],
  ["both kinds", String.raw`$\\frac{a}{b} \neq \alpha$`, String.raw`$\frac{a}{b} \neq \alpha$`],
  ["line ends and tabs", String.raw`one\ntwo\n\n\tthree\n- u\nor so`, "one\ntwo\n\n\tthree\n- u\nor so"],
  ["a line that begins with a short word", String.raw`Zagreb\nu Hrvatskoj\no tome, $5`, "Zagreb\nu Hrvatskoj\no tome, $5"],
  ["display formulas on lines of their own", String.raw`$$\na = b\n$$\nu = 3`, "$$\na = b\n$$\nu = 3"],
  ["a path with single backslashes", String.raw`C:\Users\bob\files`, String.raw`C:\Users\bob\files`],
  ["escaped quote marks and characters", String.raw`He said \"é \ud83d\ude00\" \/ \\`, 'He said "é 😀" / \\'],
  ["Markdown escapes", String.raw`2 \* 3 \_ 4`, String.raw`2 \* 3 \_ 4`],
  ["an apostrophe with a backslash", String.raw`it\'s`, "it's"],
];

describe("parseJsonOutput", () => {
  it.each(notes)("a string with %s means what the model meant", (_, written, meant) => {
    expect(parseJsonOutput(`{"note": "${written}"}`, schema).note).toBe(meant);
  });

  it("strings are cleaned once their escapes are decoded", () => {
    expect(parseJsonOutput(String.raw`{"note": "a\u0000b\u0007 \ud83d c\u200b<|im_end|>"}`, schema).note).toBe("ab \ufffd c");
  });
});
