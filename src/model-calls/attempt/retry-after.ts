/** Response headers as the provider SDKs hand them on. */
export type ResponseHeaders = Headers | Readonly<Record<string, unknown>>;

/**
 * How long an endpoint asks us to wait, in milliseconds: `retry-after-ms`, else `retry-after` in seconds or as an HTTP date
 * (RFC 9110, 10.2.3; a date in the past is 0). Undefined where it does not say, or not legibly.
 */
export function readRetryAfter(headers: ResponseHeaders, now: number = Date.now()): number | undefined {
  const milliseconds = readNumber(readHeader(headers, "retry-after-ms"));
  if (milliseconds !== undefined) return milliseconds;
  const value = readHeader(headers, "retry-after");
  const seconds = readNumber(value);
  if (seconds !== undefined) return seconds * 1000;
  // Date.parse takes almost anything for a date; an HTTP date begins with the day of the week.
  const date = value && /^(?:mon|tue|wed|thu|fri|sat|sun)/i.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function readNumber(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,12}(?:\.\d+)?$/.test(value) ? Number(value) : undefined;
}

function readHeader(headers: ResponseHeaders, name: string): string | undefined {
  if (headers instanceof Headers) return headers.get(name)?.trim();
  const value = Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
  return typeof value === "string" || typeof value === "number" ? String(value).trim() : undefined;
}
