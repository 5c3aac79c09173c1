import type { BaseMessageChunk } from "@langchain/core/messages";
import { ChatOpenAICompletions, OpenAIClient } from "@langchain/openai";

import { createTransport } from "./transport.js";
import { readChunks, readCompletion } from "./response-schema.js";

type Completion = OpenAIClient.Chat.Completions.ChatCompletion;
type Chunk = OpenAIClient.Chat.Completions.ChatCompletionChunk;
type NonStreamingParams = OpenAIClient.Chat.ChatCompletionCreateParamsNonStreaming;
type StreamingParams = OpenAIClient.Chat.ChatCompletionCreateParamsStreaming;

export interface EndpointFields {
  /** The model's name at the endpoint. */
  readonly model: string;
  /** Without query. */
  readonly baseUrl: string;
  readonly query: URLSearchParams;
  readonly key: string;
  readonly temperature: number;
  readonly maxTokens: number;
  readonly timeoutMs: number;
}

/**
 * LangChain's ChatOpenAI for any OpenAI-compatible chat endpoint, always over `/chat/completions`, with a client of its own:
 * one attempt a call, no setting taken from the environment, and replies checked before LangChain reads them. LangChain's
 * client would parse a reply to a JSON schema itself and throw away text and usage of one that is cut off or not quite JSON.
 */
export class EndpointChatModel extends ChatOpenAICompletions {
  readonly #endpoint: OpenAIClient;

  constructor({ model, baseUrl, query, key, temperature, maxTokens, timeoutMs }: EndpointFields) {
    // The key stays out of these fields: they end up in traces.
    super({ model, temperature, maxTokens, maxRetries: 0, apiKey: "held by the transport", configuration: { baseURL: baseUrl } });
    this.#endpoint = new OpenAIClient({
      baseURL: baseUrl,
      apiKey: "held by the transport",
      adminAPIKey: null,
      organization: null,
      project: null,
      webhookSecret: null,
      fetch: createTransport(key, query),
      maxRetries: 0,
      timeout: timeoutMs,
      logLevel: "off",
    });
  }

  override completionWithRetry(request: StreamingParams, options?: OpenAIClient.RequestOptions): Promise<AsyncIterable<Chunk>>;
  override completionWithRetry(request: NonStreamingParams, options?: OpenAIClient.RequestOptions): Promise<Completion>;
  override async completionWithRetry(
    request: StreamingParams | NonStreamingParams,
    options?: OpenAIClient.RequestOptions,
  ): Promise<AsyncIterable<Chunk> | Completion> {
    const { completions } = this.#endpoint.chat;
    const signal = options?.signal;
    if (request.stream) return readChunks(await completions.create(request, { signal }));
    return readCompletion(await completions.create(request, { signal }));
  }

  /** LangChain forgets finish reason and model name of a reply that is streamed because somebody watches the graph. */
  protected override _convertCompletionsDeltaToBaseMessageChunk(...args: Parameters<ChunkConverter>): BaseMessageChunk {
    const chunk = super._convertCompletionsDeltaToBaseMessageChunk(...args);
    const [, raw] = args;
    const reason = raw.choices[0]?.finish_reason;
    if (reason) Object.assign(chunk.response_metadata, { finish_reason: reason, model_name: raw.model });
    return chunk;
  }
}

type ChunkConverter = (delta: Record<string, unknown>, raw: Chunk, defaultRole?: OpenAIClient.Chat.ChatCompletionRole) => BaseMessageChunk;
