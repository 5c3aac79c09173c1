import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { trimTemplateTokens, findTemplateToken } from "../../../src/text/template-tokens.js";

const answer = "The crumb turns firm.";

describe("trimTemplateTokens", () => {
  it.each([
    "<|im_end|>",
    "</s>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "<end_of_turn>",
    "<|end|>",
    "<|return|>",
    "<eos>",
    "<|eom_id|>",
    "<｜end▁of▁sentence｜>",
    "<|END_OF_TURN_TOKEN|>",
    "<turn|>",
    "[e~[",
    "<|im_end|>\n",
    "<|im_end|><|endoftext|>",
    "\n</s></s>",
    "[/INST]",

    "<|im_end|>\n<|im_start|>user\nAnd then?<|im_end|>",
    "</s><s>[INST] And then? [/INST] Then",
    "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nAnd",
    "<end_of_turn>\n<start_of_turn>user\nAnd then?",
    "<|end|><|user|>And then?",
    "<|im_end|> user: And then?",
    "<｜User｜>And then?",
  ])("removes %j and what follows", (ending) => {
    expect(trimTemplateTokens(answer + ending)).toEqual({ text: answer, ended: true });
  });

  it.each([
    "<|im_start|>assistant\n",
    "<s>",
    "<s> [/INST] ",
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
    "<start_of_turn>model\n",
    "<｜Assistant｜>",
    "<|assistant|>\n",
  ])("removes %j before a response", (start) => {
    expect(trimTemplateTokens(start + answer)).toEqual({ text: answer, ended: false });
  });

  it.each([
    "The token `<|im_end|>` ends a turn, `</s>` a text.",
    'The token "<|im_end|>" ends a turn.',
    "```\n<|im_start|>user\nHi<|im_end|>\n```",
    "It cost <s>20</s> 10 euros.",
    "<s>Old</s> and new.",
    "In F#, x |> f <| y; in Haskell, a <|> b.",
    "if (a < b || c > d) return [1];",
    "An <end> tag, a <turn> tag.",
  ])("keeps %j, in which no token ends the response", (text) => {
    expect(trimTemplateTokens(text)).toEqual({ text, ended: false });
    expect(findTemplateToken(text)).toBeNull();
  });

  it.each(["Put <|im_end|> at the end of a turn.", "<|im_end|> is the end of a turn."])("leaves the token of %j for the caller to refuse", (text) => {
    expect(trimTemplateTokens(text).text).toBe(text);
    expect(findTemplateToken(text)).toBe("<|im_end|>");
  });

  it("keeps ordinary text, and changes nothing when it is applied again", () => {
    const prose = fc.string({ unit: fc.constantFrom(...'abc .,\n{}<>/|[]$:é漢`"'.split("")), maxLength: 80 });
    fc.assert(
      fc.property(prose, (text) => {
        expect(trimTemplateTokens(text).text).toBe(text);
      }),
    );
    const part = fc.constantFrom("<|im_end|>", "</s>", "<s>", "a", " ", "\n", "`", '"', "user", ".", "[INST]");
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const once = trimTemplateTokens(parts.join("")).text;
        expect(trimTemplateTokens(once).text).toBe(once);
      }),
      { numRuns: 2_000 },
    );
  });

  it("handles hundreds of thousands of tokens in linear time", () => {
    expect(trimTemplateTokens("a <|im_end|> b ".repeat(100_000)).ended).toBe(false);
    expect(trimTemplateTokens("<|im_end|>".repeat(200_000)).text).toBe("");
  });
});
