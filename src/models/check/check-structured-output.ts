import { HumanMessage, SystemMessage } from "@langchain/core/messages";
import { z } from "zod";

import { ModelCallError } from "../../errors.js";
import { parseJsonOutput } from "../../text/json-output.js";
import { mergeSystemMessages } from "../../model-calls/adaptation/adaptation.js";
import { toResponseSchema } from "../../model-calls/response-schema.js";
import type { ModelSettings } from "../../state/settings.js";
import type { Finding } from "./finding.js";
import { isRequestRefused } from "./check-chat.js";
import { type ProbeOptions, getEndpointWords, sendProbe } from "./probe.js";

/** A small review. */
const Review = z.object({ critique: z.string(), score: z.int().min(1).max(10), verdict: z.enum(["positive", "negative"]) });
const { name: schemaName, schema } = toResponseSchema("check_review", Review);

/** Formats of a response, the strictest first. */
const formats: readonly { readonly label: string; readonly responseFormat?: Record<string, unknown> }[] = [
  { label: "json_schema", responseFormat: { type: "json_schema", json_schema: { name: schemaName, schema, strict: true } } },
  { label: "json_object", responseFormat: { type: "json_object" } },
  { label: "the prompt alone" },
];

const described = 'Reply with one JSON object and nothing else: {"critique": "...", "score": 1 to 10, "verdict": "positive" or "negative"}';
const task = "Review this answer to the question what 2 + 2 is: `2 + 2 is 4, since two and two more make four.`";

/**
 * Asks for a review as JSON, in the strictest format that the endpoint takes.
 *
 * Whether a schema is enforced is tried with a prompt that says nothing of JSON: an endpoint that ignores it replies in prose.
 */
export async function checkStructuredOutput(settings: ModelSettings, options: ProbeOptions): Promise<Finding> {
  const refusals: string[] = [];
  for (const { label, responseFormat } of formats) {
    try {
      const messages = [new SystemMessage(described), new HumanMessage(task)];
      const { text, finishReason } = await sendProbe(
        { settings, messages: settings.systemRole === "merge" ? mergeSystemMessages(messages) : messages, responseFormat },
        options,
      );
      const isUsable = isReview(text);
      const enforced = responseFormat?.type === "json_schema" && isUsable && (await isSchemaEnforced(settings, responseFormat, options));
      return describeFormat(label, refusals, { isUsable, enforced, isCutOff: finishReason === "length" });
    } catch (error) {
      if (!(error instanceof ModelCallError)) throw error;
      if (!responseFormat || !isRequestRefused(error)) return { name: "structured output", status: "fault", detail: error.message };
      refusals.push(`${label} is refused (${getEndpointWords(error)})`);
    }
  }
  return { name: "structured output", status: "fault", detail: refusals.join("; ") };
}

async function isSchemaEnforced(settings: ModelSettings, responseFormat: Record<string, unknown>, options: ProbeOptions): Promise<boolean> {
  const messages = [new HumanMessage("In one short sentence: is 2 + 2 = 4?")];
  try {
    return isReview((await sendProbe({ settings, messages, responseFormat }, options)).text);
  } catch (error) {
    if (error instanceof ModelCallError) return false;
    throw error;
  }
}

function describeFormat(
  label: string,
  refusals: readonly string[],
  { isUsable, enforced, isCutOff }: { readonly isUsable: boolean; readonly enforced: boolean; readonly isCutOff: boolean },
): Finding {
  const name = "structured output";
  const before = refusals.map((refusal) => `${refusal}; `).join("");
  if (isCutOff && !isUsable)
    return { name, status: "fault", detail: `${before}${label}: a short review was cut off at the output limit. Raise maxOutputTokens` };
  if (!isUsable)
    return { name, status: "fault", detail: `${before}${label}: the reply is not the JSON that was asked for, so reviewers would abstain` };
  if (label !== "json_schema") return { name, status: "note", detail: `${before}${label} works` };
  return enforced
    ? { name, status: "ok", detail: "json_schema is enforced" }
    : { name, status: "note", detail: "json_schema is accepted but ignored; the prompt alone works" };
}

function isReview(text: string): boolean {
  try {
    parseJsonOutput(text, Review);
    return true;
  } catch {
    return false;
  }
}
