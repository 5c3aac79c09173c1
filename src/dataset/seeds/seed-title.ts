import type { Seed } from "./seed.js";

const maxTitleLength = 80;

/** Returns the first line of a seed, cut to 80 characters. It names the trace of the conversation. */
export function getSeedTitle({ instruction, messages }: Seed): string {
  const text = instruction ?? messages?.at(-1)?.content ?? "";
  const characters = [...(text.trim().split("\n", 1)[0] ?? "")];
  return characters.length > maxTitleLength ? `${characters.slice(0, maxTitleLength - 1).join("")}\u2026` : characters.join("");
}
