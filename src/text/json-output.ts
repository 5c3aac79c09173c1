import { jsonrepair } from "jsonrepair";
import type { z } from "zod";

import type { ResponseErrorCode } from "../errors.js";
import { cleanText } from "./clean-text.js";
import { trimTemplateTokens } from "./template-tokens.js";
import { repairLatexBackslashes } from "./latex.js";

/** Thrown for a response that cannot be used. The model sees the message when it is asked again. */
export class ResponseValidationError extends Error {
  override readonly name = "ResponseValidationError";

  constructor(
    readonly code: ResponseErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** Maximum number of problems named to the model. */
const maxIssues = 8;

/**
 * Finds the JSON object in a response and validates it.
 *
 * Accepts code fences, prose around the object, trailing commas, LaTeX with single backslashes and other common mistakes. Rejects a response with several
 * objects that differ: one may be a draft, or a quote from the text under review.
 *
 * @throws {ResponseValidationError} Code `response_invalid`, with every problem in the message.
 */
export function parseJsonOutput<S extends z.ZodType>(text: string, schema: S): z.infer<S> {
  const issues = new Set<string>();
  let hasObject = false;
  // Repairing comes last, as it is slow and may guess wrong.
  for (const parse of [parseExact, parseRepaired]) {
    const matches = new Map<string, z.infer<S>>();
    for (const object of findCandidates(text).flatMap((candidate) => parseObject(candidate, parse))) {
      const result = schema.safeParse(object);
      if (result.success) matches.set(JSON.stringify(result.data), result.data);
      else for (const issue of result.error.issues) issues.add(`${issue.path.join(".") || "the object"}: ${issue.message}`);
      hasObject = true;
    }
    const [first, ...others] = matches.values();
    if (others.length > 0)
      throw new ResponseValidationError(
        "response_invalid",
        `The reply holds ${matches.size} JSON objects that differ. Give one, and quote no other.`,
      );
    if (first !== undefined) return first;
  }
  if (!hasObject) throw new ResponseValidationError("response_invalid", "The reply holds no JSON object.");
  throw new ResponseValidationError("response_invalid", `The JSON does not have the requested shape: ${[...issues].slice(0, maxIssues).join("; ")}.`);
}

/** Lists the parts of a response that may be an object. A response that is valid JSON as a whole has no other parts. */
function findCandidates(text: string): string[] {
  if (parseObject(text, parseExact).length > 0) return [text];
  const fenced = [...text.matchAll(/```[a-z]*\s*\n?([\s\S]*?)```/gi)].map((match) => match[1] ?? "");
  const braced = text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1);
  return [text, ...fenced, braced, ...findOutermostObjects(text)].filter((part) => part.includes("{"));
}

/** Finds every outermost `{...}`, ignoring braces within strings. Prose may contain braces, or a draft before the final object. */
function findOutermostObjects(text: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let start = 0;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}]/gs)) {
    if (token === "{" && depth++ === 0) start = index;
    if (token === "}" && depth > 0 && --depth === 0) found.push(text.slice(start, index + 1));
  }
  return found;
}

function parseExact(source: string): unknown {
  return cleanStrings(JSON.parse(repairLatexBackslashes(source)));
}

function parseRepaired(source: string): unknown {
  return cleanStrings(JSON.parse(jsonrepair(repairLatexBackslashes(source.slice(source.indexOf("{"))))));
}

/** Cleans every string of a parsed value, now that its escapes are characters. */
function cleanStrings(value: unknown): unknown {
  if (typeof value === "string") return trimTemplateTokens(cleanText(value)).text;
  if (Array.isArray(value)) return value.map(cleanStrings);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, cleanStrings(item)]));
}

/** Returns the parsed object as a list of one, or an empty list. */
function parseObject(source: string, parse: (source: string) => unknown): object[] {
  try {
    const value = parse(source.trim());
    return typeof value === "object" && value !== null && !Array.isArray(value) ? [value] : [];
  } catch {
    return [];
  }
}
