import { randomUUID } from "node:crypto";

import type { OpenAIClient } from "@langchain/openai";
import { z } from "zod";

import { AttemptError } from "../../model-calls/attempt/attempt-error.js";

type Completion = OpenAIClient.Chat.Completions.ChatCompletion;
type Chunk = OpenAIClient.Chat.Completions.ChatCompletionChunk;

const text = z.string().nullish().catch(null);
const count = z.int().min(0);
const someCount = count.optional().catch(undefined);

const TextPart = z.object({ type: z.literal("text"), text: z.string() });
/** Some endpoints send the content as a list of parts. */
const Parts = z.array(z.unknown()).transform((parts) => parts.map((part) => TextPart.safeParse(part).data?.text ?? "").join(""));
const ResponseMessage = z.object({
  content: z.union([z.string(), Parts]).nullish().catch(null),
  refusal: text,
  reasoning_content: text,
  reasoning: text,
});
const Usage = z.object({
  prompt_tokens: count,
  completion_tokens: count,
  total_tokens: someCount,
  prompt_tokens_details: z.object({ cached_tokens: someCount }).optional().catch(undefined),
  completion_tokens_details: z.object({ reasoning_tokens: someCount }).optional().catch(undefined),
});
const head = {
  id: z.string().min(1).optional().catch(undefined),
  model: z.string().catch(""),
  created: z.number().catch(0),
  usage: Usage.nullish().catch(null),
};
const CompletionBody = z.object({ ...head, choices: z.array(z.object({ message: ResponseMessage, finish_reason: text })).min(1) });
const ChunkBody = z.object({ ...head, choices: z.array(z.object({ delta: ResponseMessage.nullish(), finish_reason: text })).catch([]) });
const ErrorBody = z.object({ error: z.object({ message: z.string() }) });

/**
 * A completion as OpenAI's documentation has it, out of whatever came with status 200. A refusal becomes the content, with
 * the finish reason `content_filter`: LangChain would drop it. Throws a retryable `AttemptError` when there is no reply in it.
 */
export function readCompletion(body: unknown): Completion {
  const { data } = CompletionBody.safeParse(body);
  const choice = data?.choices[0];
  if (!data || !choice) throw invalidResponseError(ErrorBody.safeParse(body).data?.error.message ?? "it is no chat completion");
  const { refusal, ...said } = choice.message;
  return {
    ...getResponseHeader(data, randomUUID()),
    object: "chat.completion",
    choices: [
      {
        index: 0,
        logprobs: null,
        message: { ...toAssistantMessage(said), content: said.content || refusal || "", refusal: null },
        finish_reason: refusal ? "content_filter" : toFinishReason(choice.finish_reason),
      },
    ],
  };
}

/** The same for a stream, which also must not end before the reply does. */
export async function* readChunks(stream: AsyncIterable<unknown>): AsyncGenerator<Chunk> {
  const id = randomUUID();
  let refused = false;
  let finished = false;
  for await (const body of stream) {
    const { data } = ChunkBody.safeParse(body);
    if (!data) throw invalidResponseError("a piece of the stream is no chat completion");
    const choice = data.choices[0];
    const said: z.infer<typeof ResponseMessage> = choice?.delta ?? {};
    refused ||= Boolean(said.refusal);
    finished ||= Boolean(choice?.finish_reason);
    const finish = choice?.finish_reason ? (refused ? "content_filter" : toFinishReason(choice.finish_reason)) : null;
    yield {
      ...getResponseHeader(data, id),
      object: "chat.completion.chunk",
      choices: choice
        ? [{ index: 0, delta: { ...toAssistantMessage(said), content: said.content || said.refusal || "" }, finish_reason: finish }]
        : [],
    };
  }
  if (!finished) throw invalidResponseError("the stream ended before the reply did");
}

function getResponseHeader(data: z.infer<z.ZodObject<typeof head>>, id: string) {
  const usage = data.usage && { ...data.usage, total_tokens: data.usage.total_tokens ?? data.usage.prompt_tokens + data.usage.completion_tokens };
  return { id: data.id ?? id, model: data.model, created: data.created, ...(usage ? { usage } : {}) };
}

function toAssistantMessage(said: Pick<z.infer<typeof ResponseMessage>, "reasoning" | "reasoning_content">) {
  const reasoning = said.reasoning_content ?? said.reasoning;
  return { role: "assistant" as const, ...(reasoning ? { reasoning_content: reasoning } : {}) };
}

function toFinishReason(reason: string | null | undefined): "stop" | "length" | "content_filter" {
  return reason === "length" || reason === "content_filter" ? reason : "stop";
}

function invalidResponseError(what: string): AttemptError {
  return new AttemptError("model_unavailable", `the answer cannot be read: ${what}`, { retryable: true });
}
