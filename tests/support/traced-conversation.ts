import type { BaseCheckpointSaver } from "@langchain/langgraph";

import type { Env } from "../../src/env.js";
import { createReviewInstructGraph } from "../../src/graph/review-instruct.js";
import type { CallModel } from "../../src/model-calls/model-call.js";
import type { ConversationOutput } from "../../src/state/conversation.js";
import type { Settings } from "../../src/state/settings.js";
import type { Tracing } from "../../src/tracing/open-tracing.js";
import { createScriptedCaller, createScriptedSettings } from "./scripted-chat.js";

/** Creates the variables that send traces to a server. */
export function createTracingEnv(url: string, variables: Record<string, string> = {}): Env {
  return {
    LANGSMITH_TRACING: "true",
    LANGSMITH_ENDPOINT: url,
    LANGSMITH_API_KEY: "lsv2_pt_0123456789abcdef0123456789abcdef_0123456789",
    ...variables,
  };
}

export interface TracedConversationOptions {
  readonly id: string;
  readonly settings?: Settings;
  readonly callModel?: CallModel;
  readonly saver?: BaseCheckpointSaver;
  /** Resumes the conversation instead of starting it. */
  readonly resume?: boolean;
}

/** Runs one conversation as a job does, with the callbacks and labels of `tracing`. */
export async function runTracedConversation(tracing: Tracing, options: TracedConversationOptions): Promise<ConversationOutput> {
  const { id, settings = createScriptedSettings(), callModel = createScriptedCaller(), saver: checkpointer, resume = false } = options;
  const graph = createReviewInstructGraph({ callModel, checkpointer });
  return graph.invoke(resume ? null : { instruction: "Why is the sky blue?" }, {
    ...tracing.getRunConfig({ id, seedTitle: `seed of ${id}`, seedIndex: 7, settings, fingerprint: "0123456789abcdef" }),
    configurable: { thread_id: id },
    context: settings,
  });
}
