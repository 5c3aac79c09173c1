import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import type { ChatResult } from "@langchain/core/outputs";

import { createModelCaller } from "../../src/models/create-model-caller.js";
import type { CallModel } from "../../src/model-calls/model-call.js";
import { Settings, type SettingsInput } from "../../src/state/settings.js";
import { formatReview } from "./scripted-models.js";

/** What a model says to its nth call (from 1); an error fails the call. */
export type ChatScript = (model: string, call: number) => string | Error;

/** Every role has a model of its own name, so that a script can tell them apart. */
export function scriptedSettings(settings: SettingsInput = {}): Settings {
  const reviewer = (name: string) => ({ name, focus: `What ${name} means here.`, model: `openai:${name}` });
  return Settings.parse({
    turns: 3,
    candidate: { model: "openai:candidate" },
    chairman: { model: "openai:chairman" },
    panel: [reviewer("accuracy"), reviewer("depth"), reviewer("usefulness")],
    ...settings,
  });
}

/** New answers and instructions each time, and positive reviews. */
export const defaultChat: ChatScript = (model, call) => {
  if (model === "candidate") return `Answer ${call}.`;
  if (model === "chairman") return JSON.stringify({ instruction: `And what about side ${call}?` });
  return formatReview("positive", `${model} finds nothing missing in answer ${call}.`);
};

/** A LangChain chat model, so that runs are traced as those of any provider are. */
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
    // As over a network: never at once.
    await new Promise((resolve) => setImmediate(resolve));
    options.signal?.throwIfAborted();
    const said = this.script(this.model, this.#calls);
    if (said instanceof Error) throw said;
    const usage_metadata = { input_tokens: 10 * messages.length, output_tokens: said.length, total_tokens: 10 * messages.length + said.length };
    return { generations: [{ text: said, message: new AIMessage({ content: said, usage_metadata, response_metadata: { finish_reason: "stop" } }) }] };
  }
}

/** Model access as in a job, retries included, to chat models that follow a script. */
export function createScriptedCaller(script: ChatScript = defaultChat): CallModel {
  const models = new Map<string, ScriptedChatModel>();
  return createModelCaller({
    minDelayMs: 1,
    maxRetries: 2,
    createModel: ({ model }) => {
      const name = model.replace("openai:", "");
      const known = models.get(name) ?? new ScriptedChatModel(name, script);
      models.set(name, known);
      return known;
    },
  });
}

/** An error as an endpoint's failure is: worth trying again. */
export function createUpstreamError(text = "the model is overloaded"): Error {
  return Object.assign(new Error(text), { status: 503 });
}
