import type { JobEstimate, Range } from "../models/budget/estimate.js";

/** A job's estimate as a person reads it. */
export function estimateLines(conversations: number, estimate: JobEstimate): string[] {
  const roles = estimate.roles.map((role) => [
    role.reviewer === undefined ? role.role : `reviewer ${role.reviewer}`,
    role.model,
    count(role.calls),
    tokens(role.inputTokens),
    tokens(role.outputTokens),
    dollars(role.usd),
  ]);
  const total = ["all", "", count(estimate.calls), tokens(estimate.inputTokens), tokens(estimate.outputTokens), dollars(estimate.usd)];
  const table = [["role", "model", "calls", "input tokens", "output tokens", "cost"], ...roles, total];
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const unpriced =
    estimate.unpricedModels.length > 0
      ? [`No price is known for ${estimate.unpricedModels.join(", ")}: put it under \`prices\` in the config file.`]
      : [];
  return [
    `${count(conversations)} conversations. Calls are exact while nothing fails; tokens and cost are a range, hidden thinking and re-asks come on top.`,
    "",
    ...table.map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    ),
    ...unpriced,
  ];
}

const count = (number: number) => number.toLocaleString("en");
const tokens = ({ low, high }: Range) => `${compact(low)} - ${compact(high)}`;
const dollars = (range: Range | null) => (range === null ? "unknown" : `$${range.low.toFixed(2)} - $${range.high.toFixed(2)}`);

/** 12.3k, 4.56M: three digits are all that an estimate deserves, and all that a progress line has room for. */
export function compact(number: number): string {
  return new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 }).format(number);
}
