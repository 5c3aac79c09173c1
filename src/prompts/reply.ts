import { jsonrepair } from "jsonrepair";
import type { z } from "zod";

import type { ReplyFaultCode } from "../errors.js";

/** A reply cannot be used as it is. The message is shown to the model when it is asked again. */
export class ReplyFault extends Error {
  override readonly name = "ReplyFault";

  constructor(
    readonly code: ReplyFaultCode,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Reads the JSON object in a reply, through code fences, prose around it, trailing commas and the like, and checks it.
 * Throws {@link ReplyFault} `reply_malformed` naming what is wrong.
 */
export function parseJsonReply<S extends z.ZodType>(text: string, schema: S): z.infer<S> {
  const faults = new Set<string>();
  let found = false;
  for (const object of readObjects(text)) {
    const result = schema.safeParse(object);
    if (result.success) return result.data;
    found = true;
    for (const issue of result.error.issues) faults.add(`${issue.path.join(".") || "the object"}: ${issue.message}`);
  }
  if (!found) throw new ReplyFault("reply_malformed", "The reply holds no JSON object.");
  throw new ReplyFault("reply_malformed", `The JSON does not have the requested shape: ${[...faults].slice(0, 8).join("; ")}.`);
}

/** Every object that can be made out, the likeliest first; repairs come last, as they are dear and may guess. */
function* readObjects(text: string): Generator<object> {
  const fenced = [...text.matchAll(/```[a-z]*\s*\n?([\s\S]*?)```/gi)].map((match) => match[1] ?? "");
  const braced = text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1);
  const sources = [text, ...fenced, braced, ...outermostObjects(text)].filter((source) => source.includes("{"));
  for (const read of [JSON.parse, repaired]) for (const source of sources) yield* readObject(source, read);
}

/** Every outermost `{...}`, braces within strings aside: prose may hold braces, and a reply a draft before its final object. */
function outermostObjects(text: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let start = 0;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}]/gs)) {
    if (token === "{" && depth++ === 0) start = index;
    if (token === "}" && depth > 0 && --depth === 0) found.push(text.slice(start, index + 1));
  }
  return found;
}

function repaired(source: string): unknown {
  return JSON.parse(jsonrepair(source.slice(source.indexOf("{"))));
}

function readObject(source: string, read: (source: string) => unknown): object[] {
  try {
    const value = read(source.trim());
    return typeof value === "object" && value !== null && !Array.isArray(value) ? [value] : [];
  } catch {
    // Not readable this way; whether any way worked is decided by the caller.
    return [];
  }
}
