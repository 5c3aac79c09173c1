/** What keys and bearer tokens look like, for those whose value we do not know. */
const keyShapes = [/\bbearer\s+[^\s"',;]+/gi, /\b(?:sk|gsk|hf|lsv2|xai)[-_][\w*-]{6,}/gi];

/** A text from outside as it may be shown: without these secrets, without control characters, and not too long. */
export function redact(text: string, secrets: readonly string[]): string {
  // A very short value is a dummy such as "none"; taking it out would only garble the text.
  const longestFirst = secrets.filter(({ length }) => length >= 8).sort((a, b) => b.length - a.length);
  const known = longestFirst.reduce((hiding, secret) => hiding.replaceAll(secret, "[key]"), text);
  const hidden = keyShapes.reduce((hiding, shape) => hiding.replace(shape, "[key]"), known);
  const line = hidden.replace(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim();
  return line.length > 500 ? `${line.slice(0, 499)}…` : line;
}
