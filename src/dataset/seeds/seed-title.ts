import type { Seed } from "./seed.js";

const longest = 80;

/** A seed's first line, cut to 80 characters: the name of its trace. */
export function getSeedTitle({ instruction, messages }: Seed): string {
  const text = instruction ?? messages?.at(-1)?.content ?? "";
  const line = [...(text.trim().split("\n", 1)[0] ?? "")];
  return line.length > longest ? `${line.slice(0, longest - 1).join("")}\u2026` : line.join("");
}
