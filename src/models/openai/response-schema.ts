import { randomUUID } from "node:crypto";

import type { OpenAIClient } from "@langchain/openai";
import { z } from "zod";

import { AttemptError } from "../../model-calls/attempt/attempt-error.js";

type Completion = OpenAIClient.Chat.Completions.ChatCompletion;
type Chunk = OpenAIClient.Chat.Completions.ChatCompletionChunk;

/** Invalid optional fields are ignored, so that they do not cost a response. */
const optionalText = z.string().nullish().catch(null);
const count = z.int().min(0);
const optionalCount = count.optional().catch(undefined);

const TextPart = z.object({ type: z.literal("text"), text: z.string() });
/** Some endpoints send the content as a list of parts. */
const Parts = z.array(z.unknown()).transform((parts) => parts.map((part) => TextPart.safeParse(part).data?.text ?? "").join(""));
const ResponseMessage = z.object({
  content: z.union([z.string(), Parts]).nullish().catch(null),
  refusal: optionalText,
  reasoning_content: optionalText,
  reasoning: optionalText,
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
const CompletionBody = ResponseHeader.extend({
  choices: z.array(z.object({ message: ResponseMessage, finish_reason: optionalText })).min(1),
});
const ChunkBody = ResponseHeader.extend({
  choices: z.array(z.object({ delta: ResponseMessage.nullish(), finish_reason: optionalText })).catch([]),
});
const ErrorBody = z.object({ error: z.object({ message: z.string() }) });

/**
 * Parses the body of a response with status 200 to a completion as OpenAI documents it.
 *
 * A refusal becomes the content, with the finish reason `content_filter`, since LangChain would drop it.
 *
 * @throws {AttemptError} Retryable, if the body is no completion.
 */
export function parseCompletion(body: unknown): Completion {
  const { data } = CompletionBody.safeParse(body);
  const choice = data?.choices[0];
  if (!data || !choice) throw createUnreadableError(ErrorBody.safeParse(body).data?.error.message ?? "it is not a chat completion");
  const { refusal, ...message } = choice.message;
  return {
    ...getHeader(data, randomUUID()),
    object: "chat.completion",
    choices: [
      {
        index: 0,
        logprobs: null,
        message: { ...getRoleAndReasoning(message), content: message.content || refusal || "", refusal: null },
        finish_reason: refusal ? "content_filter" : toFinishReason(choice.finish_reason),
      },
    ],
  };
}

/**
 * Parses the events of a stream like {@link parseCompletion}.
 *
 * @throws {AttemptError} Retryable, also if the stream ends without a finish reason.
 */
export async function* parseStream(stream: AsyncIterable<unknown>): AsyncGenerator<Chunk> {
  const id = randomUUID();
  let isRefused = false;
  let isFinished = false;
  for await (const body of stream) {
    const { data } = ChunkBody.safeParse(body);
    if (!data) throw createUnreadableError("an event of the stream is not part of a chat completion");
    const choice = data.choices[0];
    const delta: ResponseMessage = choice?.delta ?? {};
    isRefused ||= Boolean(delta.refusal);
    isFinished ||= Boolean(choice?.finish_reason);
    const finishReason = choice?.finish_reason ? (isRefused ? "content_filter" : toFinishReason(choice.finish_reason)) : null;
    yield {
      ...getHeader(data, id),
      object: "chat.completion.chunk",
      choices: choice
        ? [{ index: 0, delta: { ...getRoleAndReasoning(delta), content: delta.content || delta.refusal || "" }, finish_reason: finishReason }]
        : [],
    };
  }
  if (!isFinished) throw createUnreadableError("the stream ended before the response was complete");
}

function getHeader(data: z.infer<typeof ResponseHeader>, defaultId: string) {
  const usage = data.usage && { ...data.usage, total_tokens: data.usage.total_tokens ?? data.usage.prompt_tokens + data.usage.completion_tokens };
  return { id: data.id ?? defaultId, model: data.model, created: data.created, ...(usage ? { usage } : {}) };
}

function getRoleAndReasoning(message: Pick<ResponseMessage, "reasoning" | "reasoning_content">) {
  const reasoning = message.reasoning_content ?? message.reasoning;
  return { role: "assistant" as const, ...(reasoning ? { reasoning_content: reasoning } : {}) };
}

function toFinishReason(reason: string | null | undefined): "stop" | "length" | "content_filter" {
  return reason === "length" || reason === "content_filter" ? reason : "stop";
}

function createUnreadableError(reason: string): AttemptError {
  return new AttemptError("model_unavailable", `the response cannot be read: ${reason}`, { retryable: true });
}
