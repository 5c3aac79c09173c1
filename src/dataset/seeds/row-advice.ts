/** Returns what to do about a row that has neither an instruction nor messages. */
export function describeMissingField(row: Record<string, unknown>): string {
  const names = Object.keys(row);
  const fields = names.length ? `The row has: ${toPrintableLine(names.slice(0, 20).join(", "))}.` : "The row has no fields at all.";
  const shareGptList = names.find((name) => isShareGptList(row[name]));
  if (shareGptList !== undefined) return `${fields} ${describeShareGpt(shareGptList)}`;
  const wrapper = names.find((name) => Array.isArray(row[name]) && row[name].some(isObject));
  const hint = wrapper === undefined ? "" : ` If the rows are in "${toPrintableLine(wrapper)}", save only that list.`;
  return `${fields} Every row needs an "instruction", or "messages" that end with a user message.${hint}`;
}

/** Returns true for a list of messages in the form of ShareGPT. */
export function isShareGptList(value: unknown): boolean {
  return Array.isArray(value) && value.some((item) => isObject(item) && "from" in item && "value" in item);
}

/** Returns how to convert a list in the form of ShareGPT, without the answer at its end. */
export function describeShareGpt(list: string): string {
  const messages = `[.${JSON.stringify(list)}[] | {role: ({human: "user", gpt: "assistant"}[.from] // .from), content: .value}]`;
  const filter = `(if type == "array" then .[] else . end) | {messages: (${messages} | if .[-1].role == "assistant" then .[:-1] else . end)}`;
  const renames = 'the list to "messages", "from" to "role" (human: user, gpt: assistant) and "value" to "content"';
  return `"${toPrintableLine(list)}" has the form of ShareGPT: rename ${renames}, and let it end with a user message. With jq: jq -c '${filter}' FILE`;
}

/** Makes text from a file safe to print: short, on one line, without control characters. */
export function toPrintableLine(text: string): string {
  const line = text.replace(/[\p{C}\p{Z}]+/gu, " ").trim();
  return line.length > 120 ? `${line.slice(0, 120)}...` : line;
}

/** Returns true for an object that is no list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
