import { BaseChatModel, type BaseChatModelCallOptions, type LangSmithParams } from "@langchain/core/language_models/chat_models";
import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import type { ChatResult } from "@langchain/core/outputs";
import { z } from "zod";

import { AttemptError } from "../../model-calls/attempt/attempt-error.js";
import type { ModelSettings } from "../../state/settings.js";
import { toGrammarSchema } from "./grammar-schema.js";
import { isLooping } from "./is-looping.js";
import type { GenerateOptions, Generation, HistoryItem, LlamaSequence } from "./llama-module.js";
import type { OpenModel } from "./open-model.js";

/** Options of a call. */
export interface GgufCallOptions extends BaseChatModelCallOptions {
  readonly response_format?: unknown;
}

const JsonSchemaFormat = z.object({
  type: z.literal("json_schema"),
  json_schema: z.object({ schema: z.record(z.string(), z.unknown()) }),
});

/** Tokens that a chat format adds to every message, at most. */
const tokensPerMessage = 8;
/** Fewest tokens that must be left for a response. */
const minOutputTokens = 32;
/** Characters between two looks for a loop. */
const loopCheckInterval = 100;

/**
 * Calls a GGUF model in this process through `node-llama-cpp`, with the whole history each time.
 *
 * A JSON schema becomes a grammar. A text that repeats itself is ended, and reported as cut off.
 */
export class GgufChatModel extends BaseChatModel<GgufCallOptions> {
  readonly #name: string;
  readonly #settings: ModelSettings;
  readonly #open: OpenModel;

  constructor(name: string, settings: ModelSettings, open: OpenModel) {
    super({});
    this.#name = name;
    this.#settings = settings;
    this.#open = open;
  }

  static override lc_name(): string {
    return "GgufChatModel";
  }

  _llmType(): string {
    return "gguf";
  }

  override getLsParams(options: this["ParsedCallOptions"]): LangSmithParams {
    return { ...super.getLsParams(options), ls_provider: "gguf", ls_model_name: this.#name };
  }

  async _generate(messages: BaseMessage[], options: this["ParsedCallOptions"]): Promise<ChatResult> {
    options.signal?.throwIfAborted();
    const inputTokens = this.#countTokens(messages);
    const maxTokens = Math.min(this.#settings.maxOutputTokens, this.#open.contextSize - inputTokens);
    if (maxTokens < Math.min(minOutputTokens, this.#settings.maxOutputTokens)) throw createOverflowError(inputTokens, this.#open.contextSize);
    const { data: format } = JsonSchemaFormat.safeParse(options.response_format);
    const grammar = format && (await this.#open.llama.createGrammarForJsonSchema(toGrammarSchema(format.json_schema.schema)));
    return this.#open.withSequence(async (sequence) => {
      options.signal?.throwIfAborted();
      const before = sequence.tokenMeter.getState();
      const { response, metadata } = await this.#run(sequence, toHistory(messages), { maxTokens, grammar, signal: options.signal });
      const outputTokens = sequence.tokenMeter.diff(before).usedOutputTokens;
      const message = new AIMessage({
        content: response,
        response_metadata: { model_name: this.#name, finish_reason: /^(?:maxTokens|abort)$/.test(metadata.stopReason) ? "length" : "stop" },
        usage_metadata: { input_tokens: inputTokens, output_tokens: outputTokens, total_tokens: inputTokens + outputTokens },
      });
      return { generations: [{ text: response, message }] };
    });
  }

  async #run(
    contextSequence: LlamaSequence,
    history: readonly HistoryItem[],
    { maxTokens, grammar, signal }: Pick<GenerateOptions, "maxTokens" | "grammar" | "signal">,
  ): Promise<Generation> {
    const loop = new AbortController();
    let text = "";
    let checkedLength = 0;
    const chat = new this.#open.module.LlamaChat({ contextSequence, autoDisposeSequence: false });
    try {
      const generation = await chat.generateResponse(history, {
        ...getSamplingOptions(this.#settings),
        maxTokens,
        grammar,
        signal: signal ? AbortSignal.any([signal, loop.signal]) : loop.signal,
        stopOnAbortSignal: true,
        onTextChunk: (chunk) => {
          text += chunk;
          if (text.length - checkedLength < loopCheckInterval) return;
          checkedLength = text.length;
          if (isLooping(text)) loop.abort();
        },
      });
      signal?.throwIfAborted();
      return generation;
    } finally {
      chat.dispose({ disposeSequence: false });
    }
  }

  #countTokens(messages: readonly BaseMessage[]): number {
    return messages.reduce((sum, { text }) => sum + this.#open.model.tokenize(text).length + tokensPerMessage, 0);
  }
}

/** Without penalties the smallest models repeat themselves up to the output limit. */
function getSamplingOptions({ temperature, topP, samplingSeed, stop, repetitionPenalty, frequencyPenalty, presencePenalty }: ModelSettings) {
  return {
    temperature: temperature ?? undefined,
    topP: topP ?? undefined,
    seed: samplingSeed ?? undefined,
    customStopTriggers: stop ?? [],
    repeatPenalty: {
      lastTokens: 256,
      penalty: repetitionPenalty ?? 1.1,
      frequencyPenalty: frequencyPenalty ?? undefined,
      presencePenalty: presencePenalty ?? undefined,
    },
    dryRepeatPenalty: { strength: 0.8, lastTokens: 1024 },
  };
}

function toHistory(messages: readonly BaseMessage[]): HistoryItem[] {
  const items = messages.map((message): HistoryItem => {
    if (message.type === "ai") return { type: "model", response: [message.text] };
    return { type: message.type === "system" ? "system" : "user", text: message.text };
  });
  return [...items, { type: "model", response: [] }];
}

function createOverflowError(inputTokens: number, contextSize: number): AttemptError {
  const message = `HTTP 400: exceed_context_size: the request has ${inputTokens} tokens, and the context of the model ${contextSize}`;
  return new AttemptError("model_bad_request", message, { retryable: false, status: 400, requestNotSent: true });
}
