import type { CallEstimate, JobEstimate, Range } from "../../jobs/job-estimate.js";

/** Formats a job's estimate as a table, one line per string. `items` names what the job makes, e.g. `conversations`. */
export function formatEstimate(estimate: JobEstimate, items: string): string[] {
  const header = ["caller", "model", "calls", "input tokens", "output tokens", "cost"];
  const rows = estimate.callers.map((caller) => [caller.caller, caller.model, ...formatCells(caller)]);
  const table = [header, ...rows, ["all", "", ...formatCells(estimate)]];
  const widths = header.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const unpriced =
    estimate.unpricedModels.length > 0
      ? [`No price is known for ${estimate.unpricedModels.join(", ")}: add it under \`prices\` in the config file.`]
      : [];
  return [
    `${formatCount(estimate.items)} ${items}. Calls are exact while nothing fails.`,
    "Tokens and cost are a range; hidden reasoning and repairs come on top.",
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

function formatCells({ calls, inputTokens, outputTokens, usd }: CallEstimate): string[] {
  const formatTokens = ({ low, high }: Range) => `${formatCompact(low)} - ${formatCompact(high)}`;
  const cost = usd === null ? "unknown" : `$${usd.low.toFixed(2)} - $${usd.high.toFixed(2)}`;
  return [formatCount(calls), formatTokens(inputTokens), formatTokens(outputTokens), cost];
}

/** Formats a count: 12,345. */
export function formatCount(count: number): string {
  return count.toLocaleString("en");
}

/** Formats a large number with three digits: 12.3K, 4.56M. */
export function formatCompact(number: number): string {
  return new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 }).format(number);
}
