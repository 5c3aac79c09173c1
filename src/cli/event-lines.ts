import pc from "picocolors";

import type { ReviewEvent } from "../nodes/events.js";
import { dimensions } from "../state/records.js";

type Colors = ReturnType<typeof pc.createColors>;

/** A run's events as a person reads them, one block an event. */
export function eventLines(event: ReviewEvent, colors: Colors = pc): string {
  switch (event.type) {
    case "instruction":
      return `\n${colors.bold(colors.cyan(`Turn ${event.turn}`))} ${colors.dim(`(${event.evolution.replace("_", " ")})`)}\n${colors.bold("Instruction")}\n${printable(event.instruction)}`;
    case "response":
      return `${colors.bold("Response")}\n${printable(event.response)}`;
    case "review": {
      const scores = dimensions.map((name) => `${name} ${event.scores[name]}`).join(", ");
      const verdict = event.verdict === "positive" ? colors.green(event.verdict) : colors.yellow(event.verdict);
      return `${colors.bold(`Review: ${event.reviewer}`)} ${verdict} ${colors.dim(`(${scores})`)}\n${printable(event.critique)}`;
    }
    case "abstention":
      return `${colors.bold(`Review: ${event.reviewer}`)} ${colors.red("abstains")}\n${printable(event.reason)}`;
    case "verdict": {
      const verdict = event.verdict === "positive" ? colors.green("positive") : colors.yellow("negative");
      return `${colors.bold("Verdict")} ${verdict} ${colors.dim(`(${event.positive} positive, ${event.negative} negative)`)}`;
    }
    case "ended_early":
      return `${colors.yellow("The conversation ends here")}: ${printable(event.detail)}`;
    case "failed":
      return colors.red(`Failed: ${event.code}`);
  }
}

/** What a model wrote must not steer the terminal: control characters other than line breaks and tabs are dropped. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "");
}
