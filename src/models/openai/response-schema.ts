import { randomUUID } from "node:crypto";

import type { OpenAIClient } from "@langchain/openai";
import { z } from "zod";

import { AttemptError } from "../../model-calls/attempt/attempt-error.js";
import { type FinishReasonKind, classifyFinishReason, normalizeFinishReason } from "../../model-calls/attempt/finish-reason.js";
import { type ErrorReport, ReportedError, findError } from "./error-body.js";

type Completion = OpenAIClient.Chat.Completions.ChatCompletion;
type Chunk = OpenAIClient.Chat.Completions.ChatCompletionChunk;

/** Finish reasons as LangChain knows them. */
type FinishReason = "stop" | "length" | "content_filter";

/** Maximum number of characters of an unknown body to show. */
export const maxShownLength = 200;

/** Invalid optional fields are ignored, so that they do not cost a response. */
const optionalText = z.string().nullish().catch(null);
const count = z.int().min(0);
const optionalCount = count.optional().catch(undefined);

const TextPart = z.object({ type: z.literal("text"), text: z.string() });
/** Some endpoints send the content as a list of parts. */
const Parts = z.array(z.unknown()).transform((parts) => parts.map((part) => TextPart.safeParse(part).data?.text ?? "").join(""));
const ReasoningDetails = z.array(z.object({ text: optionalText, summary: optionalText }).catch({}));
const ResponseMessage = z.object({
  content: z.union([z.string(), Parts]).nullish().catch(null),
  refusal: optionalText,
  reasoning_content: optionalText,
  reasoning: optionalText,
  reasoning_text: optionalText,
  thinking: optionalText,
  reasoning_details: ReasoningDetails.nullish().catch(null),
});
type ResponseMessage = z.infer<typeof ResponseMessage>;
const Usage = z.object({
  prompt_tokens: count,
  completion_tokens: count,
  total_tokens: optionalCount,
  prompt_tokens_details: z.object({ cached_tokens: optionalCount }).optional().catch(undefined),
  completion_tokens_details: z.object({ reasoning_tokens: optionalCount }).optional().catch(undefined),
});
const ResponseHeader = z.object({
  id: z.string().min(1).optional().catch(undefined),
  model: z.string().catch(""),
  created: z.number().catch(0),
  usage: Usage.nullish().catch(null),
});
/** How a choice ended: some routers report the provider's own reason and an error beside it. */
const ChoiceEnding = z.object({ finish_reason: z.unknown().optional(), native_finish_reason: z.unknown().optional(), error: z.unknown().optional() });
type ChoiceEnding = z.infer<typeof ChoiceEnding>;
const CompletionBody = ResponseHeader.extend({ choices: z.array(ChoiceEnding.extend({ message: ResponseMessage })).min(1) });
const ChunkBody = ResponseHeader.extend({
  choices: z.array(ChoiceEnding.extend({ delta: ResponseMessage.nullish(), message: ResponseMessage.nullish() })).catch([]),
});

/**
 * Parses the body of a response with status 200 to a completion as OpenAI documents it.
 *
 * A refusal becomes the content, with the finish reason `content_filter`, since LangChain would drop it.
 *
 * @throws {AttemptError} Retryable, if the body is no completion or its finish reason none of a finished response.
 * @throws {ReportedError} If the body reports an error with a status.
 */
export function parseCompletion(body: unknown): Completion {
  const { data } = CompletionBody.safeParse(body);
  const choice = data?.choices[0];
  const error = findError(body, choice !== undefined);
  if (error) throw createReportedError(error, choice === undefined);
  if (!data || !choice) throw createShapeError(body);
  const ending = readEnding(choice);
  const { refusal, ...message } = choice.message;
  return {
    ...getHeader(data, randomUUID()),
    object: "chat.completion",
    choices: [
      {
        index: 0,
        logprobs: null,
        message: { ...getRoleAndReasoning(message), content: message.content || refusal || "", refusal: null },
        finish_reason: refusal ? "content_filter" : (ending ?? "stop"),
      },
    ],
  };
}

/**
 * Parses the events of a stream like {@link parseCompletion}.
 *
 * @throws {AttemptError} Retryable, also if the stream ends without a finish reason.
 * @throws {ReportedError} If an event reports an error with a status.
 */
export async function* parseStream(stream: AsyncIterable<unknown>): AsyncGenerator<Chunk> {
  const id = randomUUID();
  let hasChoice = false;
  let isRefused = false;
  let isFinished = false;
  for await (const body of stream) {
    const { data } = ChunkBody.safeParse(body);
    const choice = data?.choices[0];
    const error = findError(body, choice !== undefined);
    if (error) throw createReportedError(error, !hasChoice);
    if (!data) throw createUnreadableError("an event of the stream is not part of a chat completion");
    hasChoice ||= choice !== undefined;
    const delta: ResponseMessage = choice?.delta ?? choice?.message ?? {};
    const reason = choice ? readEnding(choice) : null;
    // Some servers repeat the finish reason, which LangChain would join to one word.
    const ending: FinishReason | null = isFinished ? null : reason;
    isRefused ||= Boolean(delta.refusal);
    isFinished ||= ending !== null;
    yield {
      ...getHeader(data, id),
      object: "chat.completion.chunk",
      choices: choice
        ? [
            {
              index: 0,
              delta: { ...getRoleAndReasoning(delta), content: delta.content || delta.refusal || "" },
              finish_reason: ending && isRefused ? "content_filter" : ending,
            },
          ]
        : [],
    };
  }
  if (!isFinished) throw createUnreadableError("the stream ended before the response was complete");
}

function getHeader(data: z.infer<typeof ResponseHeader>, defaultId: string) {
  const usage = data.usage && { ...data.usage, total_tokens: data.usage.total_tokens ?? data.usage.prompt_tokens + data.usage.completion_tokens };
  return { id: data.id ?? defaultId, model: data.model, created: data.created, ...(usage ? { usage } : {}) };
}

function getRoleAndReasoning({ reasoning_content, reasoning, reasoning_text, thinking, reasoning_details }: ResponseMessage) {
  const details = reasoning_details?.map(({ text, summary }) => text ?? summary ?? "").join("");
  const text = reasoning_content || reasoning || reasoning_text || thinking || details;
  return { role: "assistant" as const, ...(text ? { reasoning_content: text } : {}) };
}

/**
 * Reads how a choice ended.
 *
 * @returns Null if it has no finish reason.
 * @throws {AttemptError} If it failed: an error beside the message, or a reason that is none of a finished response.
 */
function readEnding(choice: ChoiceEnding): FinishReason | null {
  const error = findError({ error: choice.error });
  if (error) throw createReportedError(error, false);
  const own = normalizeFinishReason(choice.finish_reason);
  const native = normalizeFinishReason(choice.native_finish_reason);
  const kind = classifyFinishReason(own ?? native);
  if (kind === "failed") throw createUnreadableError(`it ended with the finish reason ${JSON.stringify(choice.finish_reason ?? native)}`);
  if (own === null && native === null) return null;
  return toFinishReason(kind === "stop" ? classifyFinishReason(native) : kind);
}

/** A native reason that is unknown says nothing beside a good one. */
function toFinishReason(kind: FinishReasonKind): FinishReason {
  if (kind === "refusal") return "content_filter";
  return kind === "length" ? "length" : "stop";
}

/** @param isWhole True if the error came in place of a response, not within one. */
function createReportedError(error: ErrorReport, isWhole: boolean): Error {
  if (error.status !== undefined) return new ReportedError(error, error.status, { isInBody: isWhole });
  const place = isWhole ? "in place of a chat completion came status 200 with the error" : "the response broke off with the error";
  const details = { retryable: true, ...(isWhole && { notCharged: true, notACompletion: true }) };
  return new AttemptError("model_unavailable", `${place} ${JSON.stringify(error.message)}`, details);
}

/** An object without choices is none of a server for chat completions, one with an empty list is a broken one. */
function createShapeError(body: unknown): AttemptError {
  const shown = (JSON.stringify(body) ?? "").slice(0, maxShownLength);
  if (typeof body === "object" && body !== null && "choices" in body) return createUnreadableError(`it is not a chat completion: ${shown}`);
  const details = { retryable: true, notCharged: true, notACompletion: true };
  return new AttemptError("model_unavailable", `the response cannot be read: it is not a chat completion: ${shown}`, details);
}

function createUnreadableError(reason: string): AttemptError {
  return new AttemptError("model_unavailable", `the response cannot be read: ${reason}`, { retryable: true });
}
