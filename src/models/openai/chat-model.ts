import type { BaseMessageChunk } from "@langchain/core/messages";
import { ChatOpenAICompletions, OpenAIClient } from "@langchain/openai";
import type { Dispatcher } from "undici";

import { parseCompletion, parseStream } from "./response-schema.js";
import { createTransport } from "./transport.js";

type Completion = OpenAIClient.Chat.Completions.ChatCompletion;
type Chunk = OpenAIClient.Chat.Completions.ChatCompletionChunk;
type NonStreamingParams = OpenAIClient.Chat.ChatCompletionCreateParamsNonStreaming;
type StreamingParams = OpenAIClient.Chat.ChatCompletionCreateParamsStreaming;
type ChunkConverter = (delta: Record<string, unknown>, rawChunk: Chunk, defaultRole?: OpenAIClient.Chat.ChatCompletionRole) => BaseMessageChunk;

/** Placeholder for the key, which only the transport knows. */
const hiddenApiKey = "hidden in the transport";

/** Options of {@link OpenAiCompatibleChatModel}. */
export interface ChatModelOptions {
  /** The model's name at the endpoint. */
  readonly model: string;
  /** Base URL without its query. */
  readonly baseUrl: string;
  readonly query: URLSearchParams;
  readonly apiKey: string;
  readonly temperature: number;
  readonly maxTokens: number;
  readonly timeoutMs: number;
  /** Connections, through proxies where there are some. */
  readonly dispatcher: Dispatcher;
}

/**
 * LangChain's ChatOpenAI for any endpoint with `/chat/completions`.
 *
 * It has its own client: one attempt per call, no settings from the environment, and responses validated before LangChain
 * reads them. LangChain's client would parse a response to a JSON schema itself, and lose text and usage of one that is cut
 * off or not quite JSON.
 */
export class OpenAiCompatibleChatModel extends ChatOpenAICompletions {
  readonly #client: OpenAIClient;

  constructor({ model, baseUrl, query, apiKey, temperature, maxTokens, timeoutMs, dispatcher }: ChatModelOptions) {
    // The fields of a model end up in traces, so the key must not be one of them.
    super({ model, temperature, maxTokens, maxRetries: 0, apiKey: hiddenApiKey, configuration: { baseURL: baseUrl } });
    this.#client = new OpenAIClient({
      baseURL: baseUrl,
      apiKey: hiddenApiKey,
      adminAPIKey: null,
      organization: null,
      project: null,
      webhookSecret: null,
      fetch: createTransport(apiKey, query, dispatcher),
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
    const { completions } = this.#client.chat;
    const signal = options?.signal;
    if (request.stream) return parseStream(await completions.create(request, { signal }));
    return parseCompletion(await completions.create(request, { signal }));
  }

  /** Adds finish reason and model name, which LangChain drops from streamed responses. */
  protected override _convertCompletionsDeltaToBaseMessageChunk(...args: Parameters<ChunkConverter>): BaseMessageChunk {
    const chunk = super._convertCompletionsDeltaToBaseMessageChunk(...args);
    const [, rawChunk] = args;
    const reason = rawChunk.choices[0]?.finish_reason;
    if (reason) Object.assign(chunk.response_metadata, { finish_reason: reason, model_name: rawChunk.model });
    return chunk;
  }
}
