import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import { BaseChatModel, type BaseChatModelParams, type LangSmithParams } from "@langchain/core/language_models/chat_models";
import { AIMessage, AIMessageChunk, type BaseMessage, HumanMessage, type MessageContent, type UsageMetadata } from "@langchain/core/messages";
import { ChatGenerationChunk, type ChatResult } from "@langchain/core/outputs";

import { buildAnswer } from "./candidate.js";
import { writeInstruction } from "./chairman.js";
import { readRequest } from "./request.js";
import { reviewAnswer } from "./reviewer.js";

const modelName = "offline";
/** One piece of a streamed reply: up to 48 code points, so that no surrogate pair is torn. */
const piecePattern = /.{1,48}/gsu;
/** Tokens that a chat format adds to every message. */
const tokensPerMessage = 4;

/**
 * Writes example texts as candidate, reviewer and chairman, without a key or network.
 *
 * The response is a fixed function of the messages, so that a job can be repeated with equal rows. Usage is an
 * estimate: a token for every four bytes of UTF-8, and four for each message sent. It supports `stop`, but no tools and no
 * structured output.
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
    return Promise.resolve(countTokens(new HumanMessage({ content }).text));
  }

  // Async, so that an aborted signal rejects instead of throwing.
  async _generate(messages: BaseMessage[], options: this["ParsedCallOptions"]): Promise<ChatResult> {
    options.signal?.throwIfAborted();
    const text = writeReply(messages, options.stop);
    return { generations: [{ text, message: new AIMessage({ content: text, ...describeEnd(messages, text) }) }] };
  }

  override async *_streamResponseChunks(
    messages: BaseMessage[],
    options: this["ParsedCallOptions"],
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    const text = writeReply(messages, options.stop);
    const pieces = text.match(piecePattern) ?? [];
    const last = new AIMessageChunk({ content: "", ...describeEnd(messages, text) });
    for (const message of [...pieces.map((content) => new AIMessageChunk({ content })), last]) {
      options.signal?.throwIfAborted();
      const chunk = new ChatGenerationChunk({ text: message.text, message });
      yield chunk;
      await runManager?.handleLLMNewToken(chunk.text, undefined, undefined, undefined, undefined, { chunk });
    }
  }
}

function writeReply(messages: readonly BaseMessage[], stop: readonly string[] = []): string {
  const { role, task } = readRequest(messages);
  const text =
    role === "candidate" ? buildAnswer(task) : JSON.stringify(role === "reviewer" ? reviewAnswer(task) : { instruction: writeInstruction(task) });
  return stop.reduce((kept, sequence) => (sequence === "" ? kept : (kept.split(sequence, 1)[0] ?? "")), text);
}

/** Describes a reply as its end does: the estimated usage, the model, and why it stopped. */
function describeEnd(messages: readonly BaseMessage[], text: string): { usage_metadata: UsageMetadata; response_metadata: Record<string, unknown> } {
  const input = messages.reduce((sum, message) => sum + countTokens(message.text) + tokensPerMessage, 0);
  const output = countTokens(text);
  return {
    usage_metadata: { input_tokens: input, output_tokens: output, total_tokens: input + output },
    response_metadata: { model_name: modelName, finish_reason: "stop" },
  };
}

function countTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 4);
}
