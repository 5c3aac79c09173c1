/** Response headers as SDKs expose them. */
export type ResponseHeaders = Headers | Readonly<Record<string, unknown>>;

/**
 * Parses how long an endpoint asks to wait: `retry-after-ms`, otherwise `retry-after` in seconds or as an HTTP date
 * (RFC 9110, 10.2.3).
 *
 * @returns Milliseconds, 0 for a date in the past; undefined if the headers are missing or invalid.
 */
export function parseRetryAfter(headers: ResponseHeaders, now: number = Date.now()): number | undefined {
  const milliseconds = parseNumber(getHeader(headers, "retry-after-ms"));
  if (milliseconds !== undefined) return milliseconds;
  const value = getHeader(headers, "retry-after");
  const seconds = parseNumber(value);
  if (seconds !== undefined) return seconds * 1000;
  // Date.parse accepts almost anything; an HTTP date begins with the day of the week.
  const date = value && /^(?:mon|tue|wed|thu|fri|sat|sun)/i.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function parseNumber(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,12}(?:\.\d+)?$/.test(value) ? Number(value) : undefined;
}

function getHeader(headers: ResponseHeaders, name: string): string | undefined {
  if (headers instanceof Headers) return headers.get(name)?.trim();
  const value = Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
  return typeof value === "string" || typeof value === "number" ? String(value).trim() : undefined;
}
