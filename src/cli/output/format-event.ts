import pc from "picocolors";

import { stripControlCharacters } from "../../logger.js";
import type { ConversationEvent } from "../../nodes/events.js";
import { reviewDimensions } from "../../state/records.js";

type Colors = ReturnType<typeof pc.createColors>;

/** Formats an event of a run for a terminal, as one block of text. */
export function formatEvent(event: ConversationEvent, colors: Colors = pc): string {
  switch (event.type) {
    case "instruction":
      return `\n${colors.bold(colors.cyan(`Turn ${event.turn}`))} ${colors.dim(`(${event.evolution.replace("_", " ")})`)}\n${colors.bold("Instruction")}\n${stripControlCharacters(event.instruction)}`;
    case "response":
      return `${colors.bold("Response")}\n${stripControlCharacters(event.response)}`;
    case "review": {
      const scores = reviewDimensions.map((name) => `${name} ${event.scores[name]}`).join(", ");
      const verdict = event.verdict === "positive" ? colors.green(event.verdict) : colors.yellow(event.verdict);
      return `${colors.bold(`Review: ${event.reviewer}`)} ${verdict} ${colors.dim(`(${scores})`)}\n${stripControlCharacters(event.critique)}`;
    }
    case "abstention":
      return `${colors.bold(`Review: ${event.reviewer}`)} ${colors.red("abstains")}\n${stripControlCharacters(event.reason)}`;
    case "verdict": {
      const verdict = event.verdict === "positive" ? colors.green("positive") : colors.yellow("negative");
      return `${colors.bold("Verdict")} ${verdict} ${colors.dim(`(${event.positive} positive, ${event.negative} negative)`)}`;
    }
    case "early_stop":
      return `${colors.yellow("The conversation stops here")}: ${stripControlCharacters(event.message)}`;
    case "error":
      return colors.red(`Failed: ${event.code}`);
  }
}
