/** Texts with which a body of server-sent events begins. */
const eventsPattern = /^\s*(?:data|event|id|retry)?:/;

/** Returns true for a text that is a stream of server-sent events, whatever its content type says. */
export function isEventStream(text: string): boolean {
  return eventsPattern.test(text.slice(0, 200));
}

/**
 * Reads the JSON of server-sent events up to `[DONE]`.
 *
 * An event named `error` gets its data as the field `error`. A data line that is JSON by itself is an event, with or without
 * the empty line that should follow.
 *
 * @throws {SyntaxError} For an event that is not JSON.
 */
export async function* readServerEvents(texts: AsyncIterable<string> | Iterable<string>): AsyncGenerator<unknown> {
  let name = "";
  let data = "";
  for await (const line of splitLines(texts)) {
    if (line === "" && data !== "") throw new SyntaxError(`an event is not JSON: ${data.slice(0, 200)}`);
    if (line === "") name = "";
    const [, field, value = ""] = /^(data|event):\s?(.*)$/s.exec(line) ?? [];
    if (field === "event") name = value.trim();
    if (field !== "data") continue;
    if (value.trim() === "[DONE]") return;
    data += data === "" ? value : `\n${value}`;
    const event = parseJson(data);
    if (event === undefined) continue;
    data = "";
    yield name === "error" && !hasError(event) ? { error: event } : event;
  }
  if (data.trim() !== "") throw new SyntaxError(`the last event is not JSON: ${data.slice(0, 200)}`);
}

/** Splits at the line ends of server-sent events alone, which may be split between two texts. */
async function* splitLines(texts: AsyncIterable<string> | Iterable<string>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of texts) {
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    yield* lines;
  }
  yield rest.replace(/\r$/, "");
}

function hasError(event: unknown): boolean {
  return typeof event === "object" && event !== null && "error" in event;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
