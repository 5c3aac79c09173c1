import type { BaseMessageChunk } from "@langchain/core/messages";
import { ChatOpenAICompletions, OpenAIClient } from "@langchain/openai";
import type { Dispatcher } from "undici";

import type { ModelSettings } from "../../state/settings.js";
import { applyRequestNames, toModelFields } from "./request-body.js";
import { readCompletion, readStream } from "./read-response.js";
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
  /** Headers of each request, the key's included. */
  readonly headers: Readonly<Record<string, string>>;
  readonly settings: ModelSettings;
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
  readonly #settings: ModelSettings;

  constructor({ model, baseUrl, query, headers, settings, timeoutMs, dispatcher }: ChatModelOptions) {
    // The fields of a model end up in traces, so neither key nor headers must be among them.
    super({ ...toModelFields(settings), model, maxRetries: 0, apiKey: hiddenApiKey, configuration: { baseURL: baseUrl } });
    this.#settings = settings;
    this.#client = new OpenAIClient({
      baseURL: baseUrl,
      apiKey: hiddenApiKey,
      adminAPIKey: null,
      organization: null,
      project: null,
      webhookSecret: null,
      fetch: createTransport(headers, query, dispatcher),
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
    const response = await completions.create(applyRequestNames(request, this.#settings), { signal }).asResponse();
    return request.stream ? readStream(response, this.#client.baseURL) : readCompletion(response, this.#client.baseURL);
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
