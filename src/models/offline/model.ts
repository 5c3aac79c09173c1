import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import { BaseChatModel, type BaseChatModelParams, type LangSmithParams } from "@langchain/core/language_models/chat_models";
import { AIMessage, AIMessageChunk, type BaseMessage, HumanMessage, type MessageContent, type UsageMetadata } from "@langchain/core/messages";
import { ChatGenerationChunk, type ChatResult } from "@langchain/core/outputs";

import { answerTask } from "./candidate.js";
import { nextInstruction } from "./chairman.js";
import { type OfflineRequest, readRequest } from "./request.js";
import { reviewAnswer } from "./reviewer.js";

const modelName = "offline";
/** One piece of a streamed reply: up to 48 code points, so that no surrogate pair is torn. */
const pieceOf = /.{1,48}/gsu;
/** Tokens that a chat format adds to every message. */
const tokensPerMessage = 4;

/**
 * A chat model for rehearsals: it plays candidate, reviewer and chairman with no key, no network, no clock and no chance.
 * The reply is a fixed function of the messages, so a rehearsed job can be run again to the same rows. Usage is an
 * estimate, a token for every four bytes of UTF-8 and four for each message sent. It honours `stop`, and has no tools and no structured output.
 *
 * @example
 * ```ts
 * const reply = await new OfflineChatModel().invoke("How do I start a sourdough?");
 * ```
 */
export class OfflineChatModel extends BaseChatModel {
  constructor(fields: BaseChatModelParams = {}) {
    super(fields);
  }

  static override lc_name(): string {
    return "OfflineChatModel";
  }

  _llmType(): string {
    return modelName;
  }

  override getLsParams(options: this["ParsedCallOptions"]): LangSmithParams {
    return { ...super.getLsParams(options), ls_provider: modelName, ls_model_name: modelName };
  }

  /** The same estimate as in the usage; the inherited method would fetch a tokenizer. */
  override getNumTokens(content: MessageContent): Promise<number> {
    return Promise.resolve(tokensIn(new HumanMessage({ content }).text));
  }

  // Async, so that an aborted signal rejects instead of throwing.
  async _generate(messages: BaseMessage[], options: this["ParsedCallOptions"]): Promise<ChatResult> {
    options.signal?.throwIfAborted();
    const text = replyTo(messages, options.stop);
    return { generations: [{ text, message: new AIMessage({ content: text, ...ending(messages, text) }) }] };
  }

  override async *_streamResponseChunks(
    messages: BaseMessage[],
    options: this["ParsedCallOptions"],
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    const text = replyTo(messages, options.stop);
    const pieces = text.match(pieceOf) ?? [];
    const last = new AIMessageChunk({ content: "", ...ending(messages, text) });
    for (const message of [...pieces.map((content) => new AIMessageChunk({ content })), last]) {
      options.signal?.throwIfAborted();
      const chunk = new ChatGenerationChunk({ text: message.text, message });
      yield chunk;
      await runManager?.handleLLMNewToken(chunk.text, undefined, undefined, undefined, undefined, { chunk });
    }
  }
}

function replyTo(messages: readonly BaseMessage[], stop: readonly string[] = []): string {
  const text = write(readRequest(messages));
  return stop.reduce((kept, sequence) => (sequence === "" ? kept : (kept.split(sequence, 1)[0] ?? "")), text);
}

function write(request: OfflineRequest): string {
  switch (request.role) {
    case "candidate":
      return answerTask(request.task);
    case "reviewer":
      return JSON.stringify(reviewAnswer(request.matter));
    case "chairman":
      return JSON.stringify({ instruction: nextInstruction(request.chair) });
  }
}

/** What the end of a reply says of it. */
function ending(messages: readonly BaseMessage[], text: string): { usage_metadata: UsageMetadata; response_metadata: Record<string, unknown> } {
  const input = messages.reduce((sum, message) => sum + tokensIn(message.text) + tokensPerMessage, 0);
  const output = tokensIn(text);
  return {
    usage_metadata: { input_tokens: input, output_tokens: output, total_tokens: input + output },
    response_metadata: { model_name: modelName, finish_reason: "stop" },
  };
}

function tokensIn(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 4);
}
