import { type Interface, createInterface } from "node:readline";

import type { HumanDecision } from "../../nodes/human-review.js";

/** What a pause shows to the person who decides on it. */
export interface InterruptPayload {
  readonly instruction: string;
  readonly evolution: string;
}

/** Someone at the terminal, or a script at standard input: asked on stderr, answers by lines. */
export class TerminalPrompt {
  #terminal: Interface | null = null;
  #lines: AsyncIterator<string> | null = null;

  /** Enter accepts, other text replaces, a full stop or the end of input ends the conversation. */
  async decide({ instruction, evolution }: InterruptPayload): Promise<HumanDecision> {
    process.stderr.write(
      `\nProposed next instruction (${evolution}):\n${instruction}\nEnter accepts it, other text replaces it, . ends the conversation: `,
    );
    // One reader for all questions: a second one would miss the lines that the first has already taken in.
    this.#terminal ??= createInterface({ input: process.stdin });
    this.#lines ??= this.#terminal[Symbol.asyncIterator]();
    const line = await this.#lines.next();
    const answer = line.done ? "." : line.value.trim();
    if (answer === ".") return { action: "end" };
    return answer === "" ? { action: "accept" } : { action: "edit", instruction: answer };
  }

  close(): void {
    this.#terminal?.close();
  }
}
