import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import type { ChatResult } from "@langchain/core/outputs";

import { createModelCaller } from "../../src/models/create-model-caller.js";
import type { CallModel } from "../../src/model-calls/model-call.js";
import { Settings, type SettingsInput } from "../../src/state/settings.js";
import { formatReview } from "./scripted-models.js";

/** Returns the text of a model's nth response, from 1. A returned error fails the call. */
export type ChatScript = (model: string, call: number) => string | Error;

/** Gives every role a model of the same name, so that a script can distinguish them. */
export function createScriptedSettings(settings: SettingsInput = {}): Settings {
  const createReviewer = (name: string) => ({ name, focus: `What ${name} means here.`, model: `openai:${name}` });
  return Settings.parse({
    turns: 3,
    candidate: { model: "openai:candidate" },
    chairman: { model: "openai:chairman" },
    panel: [createReviewer("accuracy"), createReviewer("depth"), createReviewer("usefulness")],
    ...settings,
  });
}

/** Responds with new answers and instructions each time, and with positive reviews. */
export const defaultChat: ChatScript = (model, call) => {
  if (model === "candidate") return `Answer ${call}.`;
  if (model === "chairman") return JSON.stringify({ instruction: `And what about side ${call}?` });
  return formatReview("positive", `${model} finds nothing missing in answer ${call}.`);
};

/** A LangChain chat model, so that its runs are traced like those of any provider. */
class ScriptedChatModel extends BaseChatModel {
  #calls = 0;

  constructor(
    private readonly model: string,
    private readonly script: ChatScript,
  ) {
    super({});
  }

  _llmType(): string {
    return "scripted";
  }

  async _generate(messages: BaseMessage[], options: this["ParsedCallOptions"]): Promise<ChatResult> {
    this.#calls += 1;
    // Never synchronously, as over a network.
    await new Promise((resolve) => setImmediate(resolve));
    options.signal?.throwIfAborted();
    const response = this.script(this.model, this.#calls);
    if (response instanceof Error) throw response;
    const usage_metadata = {
      input_tokens: 10 * messages.length,
      output_tokens: response.length,
      total_tokens: 10 * messages.length + response.length,
    };
    return {
      generations: [{ text: response, message: new AIMessage({ content: response, usage_metadata, response_metadata: { finish_reason: "stop" } }) }],
    };
  }
}

/** Creates model calls as in a job, retries included, with chat models that follow a script. */
export function createScriptedCaller(script: ChatScript = defaultChat): CallModel {
  const models = new Map<string, ScriptedChatModel>();
  return createModelCaller({
    minDelayMs: 1,
    maxRetries: 2,
    createModel: ({ model }) => {
      const name = model.replace("openai:", "");
      const chatModel = models.get(name) ?? new ScriptedChatModel(name, script);
      models.set(name, chatModel);
      return chatModel;
    },
  });
}

/** Returns the error of a failing endpoint, which is retried. */
export function createUpstreamError(text = "the model is overloaded"): Error {
  return Object.assign(new Error(text), { status: 503 });
}
