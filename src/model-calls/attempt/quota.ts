/** What a rejection says about the account's quota. */
export interface QuotaRejection {
  /** `credit`: nothing is left to spend. `day`: used up for hours. `perhaps day`: it is, if waiting as asked does not help. */
  readonly kind: "credit" | "day" | "perhaps day";
}

const creditCodes = /^(?:insufficient_quota|billing_not_active|billing_hard_limit_reached|insufficient_balance|insufficient_credits?)$/i;
const creditTexts =
  /insufficient_quota|billing_not_active|account is not active|credit balance is too low|insufficient (?:account )?(?:balance|credits?|funds)|(?:out of|no|not enough) credits?\b|exceeded your (?:monthly )?(?:included credits|spend(?:ing)? limit)|billing hard limit/i;
const longPeriod =
  /\bper[-_ ]?(?:day|week|month)\b|PerDay|PerMonth|_per_day|\b(?:daily|weekly|monthly)\b|\b[RT]PD\b|\b(?:today|tomorrow|for the day)\b|\b24[- ]?h(?:ours?|rs?)?\b/i;
const shortPeriod = /\bper[-_ ]?(?:second|sec|minute|min|hour)\b|PerMinute|PerSecond|_per_min|\b[RT]PM\b|\bRPS\b/i;
const freeTier = /\bfree[-_ ]?(?:tier|plan|models?|account)\b|free_tier|FreeTier|\bquota\b[^.]{0,60}\bexceeded\b|\bexceeded\b[^.]{0,60}\bquota\b/i;

/** Above this wait a quota is one of hours or days. */
const maxWaitMs = 600_000;

/**
 * Tells from a rejection's words and wait whether a quota is used up for so long that waiting makes no sense.
 *
 * @param words Messages, codes and types of the error.
 * @param waitMs How long the endpoint asks to wait, if it says.
 * @returns Null for an ordinary rate limit, or for no quota at all.
 */
export function detectQuota(words: readonly string[], status: number, waitMs: number | undefined): QuotaRejection | null {
  if (words.some((word) => creditCodes.test(word))) return { kind: "credit" };
  const text = words.join("\n");
  if (/credit balance is too low/i.test(text) && status < 500) return { kind: "credit" };
  if (status !== 429 && status !== 403) return null;
  if (creditTexts.test(text)) return { kind: "credit" };
  if (status === 429 && waitMs !== undefined && waitMs > maxWaitMs) return { kind: "day" };
  const isLong = longPeriod.test(text) && !shortPeriod.test(text);
  if (status === 403) return isLong && /quota|limit/i.test(text) ? { kind: "day" } : null;
  if (isLong) return { kind: waitMs === undefined ? "day" : "perhaps day" };
  return freeTier.test(text) && !shortPeriod.test(text) ? { kind: "perhaps day" } : null;
}

const timeUnits = String.raw`(?:ms|milliseconds?|seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|[smhd])`;
const waitInWords = new RegExp(
  String.raw`\b(?:try|retry|retrying|again|wait|resets?|available)\b[^.\n\d]{0,20}((?:\d+(?:\.\d+)?\s*${timeUnits}[\s,]*(?:and\s+)?)+)`,
  "i",
);
const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Parses how long an endpoint asks to wait in words: `try again in 14m38.5s`, `retry in 31 seconds`, `resets at 2026-01-01T00:00Z`.
 *
 * @returns Milliseconds; undefined if the text names no time.
 */
export function parseWaitInWords(text: string, now: number = Date.now()): number | undefined {
  const date =
    /\b(?:resets?|reset|again|until|available)\b[^.\n]{0,30}?(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?/i.exec(
      text,
    );
  if (date?.[1] !== undefined) {
    const time = Date.parse(`${date[1].replace(" ", "T")}${date[2]?.replace(/UTC|GMT/i, "Z") ?? "Z"}`);
    if (!Number.isNaN(time)) return Math.max(0, time - now);
  }
  const duration = waitInWords.exec(text)?.[1];
  if (duration === undefined) return undefined;
  let total = 0;
  for (const [, value, unit] of duration.matchAll(/(\d+(?:\.\d+)?)\s*(ms|milliseconds?|[smhd])/gi)) {
    const name = unit?.toLowerCase() ?? "";
    total += Number(value) * (unitMs[name.startsWith("milli") ? "ms" : name] ?? 0);
  }
  return total;
}
