import { type Interface, createInterface } from "node:readline";

import type { HumanDecision } from "../../nodes/human-review.js";

/** The part of an interrupt that a person decides on. */
export interface InterruptPayload {
  readonly instruction: string;
  readonly evolution: string;
}

/** Asks a person at the terminal, or a script at standard input: questions on stderr, answers by lines. */
export class TerminalPrompt {
  #terminal: Interface | null = null;
  #lines: AsyncIterator<string> | null = null;

  /** Asks for a decision. Enter accepts, other text replaces, a full stop or the end of input ends the conversation. */
  async decide({ instruction, evolution }: InterruptPayload): Promise<HumanDecision> {
    process.stderr.write(
      `\nProposed next instruction (${evolution}):\n${instruction}\nEnter accepts it, other text replaces it, . ends the conversation: `,
    );
    // One reader for all questions: a second one would miss lines that the first has already read.
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
