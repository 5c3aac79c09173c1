import { jsonrepair } from "jsonrepair";
import type { z } from "zod";

import type { ResponseErrorCode } from "../errors.js";

/** A reply cannot be used as it is. The message is shown to the model when it is asked again. */
export class ResponseValidationError extends Error {
  override readonly name = "ResponseValidationError";

  constructor(
    readonly code: ResponseErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Reads the JSON object in a reply, through code fences, prose around it, trailing commas and the like, and checks it.
 * Throws {@link ResponseValidationError} `response_invalid` naming what is wrong; also where several objects would do, for one of them may
 * be a draft, or quoted from the text under review.
 */
export function parseJsonOutput<S extends z.ZodType>(text: string, schema: S): z.infer<S> {
  const faults = new Set<string>();
  let found = false;
  // Repairs come last, as they are dear and may guess.
  for (const read of [JSON.parse, repaired]) {
    const fitting = new Map<string, z.infer<S>>();
    for (const object of sourcesIn(text).flatMap((source) => readObject(source, read))) {
      const result = schema.safeParse(object);
      if (result.success) fitting.set(JSON.stringify(result.data), result.data);
      else for (const issue of result.error.issues) faults.add(`${issue.path.join(".") || "the object"}: ${issue.message}`);
      found = true;
    }
    const [only, ...others] = fitting.values();
    if (others.length > 0)
      throw new ResponseValidationError(
        "response_invalid",
        `The reply holds ${fitting.size} JSON objects that differ. Give one, and quote no other.`,
      );
    if (only !== undefined) return only;
  }
  if (!found) throw new ResponseValidationError("response_invalid", "The reply holds no JSON object.");
  throw new ResponseValidationError("response_invalid", `The JSON does not have the requested shape: ${[...faults].slice(0, 8).join("; ")}.`);
}

/** Every part of a reply that may be an object. A reply that is one as it stands has no other parts. */
function sourcesIn(text: string): string[] {
  if (readObject(text, JSON.parse).length > 0) return [text];
  const fenced = [...text.matchAll(/```[a-z]*\s*\n?([\s\S]*?)```/gi)].map((match) => match[1] ?? "");
  const braced = text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1);
  return [text, ...fenced, braced, ...outermostObjects(text)].filter((source) => source.includes("{"));
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
