import type { FileSeed, Seed } from "./seed.js";

/** What Alpaca-like files have for an input where there is none, e.g. `<noinput>`, `No input.`, `N/A`, `none`. */
const noInput = new RegExp(
  [
    "no[ _-]?input(?: (?:is )?(?:required|needed|necessary|provided|given|available|specified))?",
    "input (?:is )?not (?:required|needed|necessary|provided|given|applicable)",
    "none",
    "n/a",
    "not applicable",
  ]
    .map((words) => `^[<([{"']*\\s*(?:${words})\\s*[>)\\]}"'.]*$`)
    .join("|"),
  "i",
);

/** Returns true for a text that stands for no input, blank ones included. */
export function isNoInput(input: string): boolean {
  const text = input.trim();
  return text === "" || noInput.test(text);
}

/** Converts a row with earlier turns to a conversation to continue: `history`, then the instruction with its input. */
export function toSeed({ history, ...seed }: FileSeed): Seed {
  const { instruction, input, ...others } = seed;
  if (history === undefined || instruction === undefined) return seed;
  const earlier = history.flatMap(([question, answer]) => [
    { role: "user" as const, content: question },
    { role: "assistant" as const, content: answer },
  ]);
  const content = input === undefined ? instruction : `${instruction.trim()}\n\n${input.trim()}`;
  return { ...others, messages: [...earlier, { role: "user", content }] };
}
