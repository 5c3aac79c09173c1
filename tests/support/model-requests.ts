import { HumanMessage, SystemMessage } from "@langchain/core/messages";
import { type LangGraphRunnableConfig, StateGraph } from "@langchain/langgraph";
import { z } from "zod";

import type { CallModel, ModelResponse, ModelRequest } from "../../src/model-calls/model-call.js";
import type { ModelSettings } from "../../src/state/settings.js";

/** Settings for a model at a test server. The key is looked up in {@link testEnv}. */
export function settingsFor(baseUrl: string | null, overrides: Partial<ModelSettings> = {}): ModelSettings {
  return { model: "openai:test-model", baseUrl, apiKeyEnv: "TEST_KEY", temperature: 0.1, maxOutputTokens: 256, ...overrides };
}

/** Long enough, and odd enough, to be found wherever it should not be. */
export const secretKey = "Zt7-very-secret-value-91";
export const testEnv = { TEST_KEY: secretKey };

/** A candidate's request, unless told otherwise. */
export function requestTo(baseUrl: string | null, overrides: Partial<ModelRequest> = {}): ModelRequest {
  return {
    caller: { name: "candidate" },
    settings: settingsFor(baseUrl),
    messages: [new SystemMessage("Answer briefly."), new HumanMessage("Why is the sky blue?")],
    ...overrides,
  };
}

/** Makes the call inside a graph that is being watched, by its "messages" or its events: then LangChain streams by itself. */
export async function callWatched(access: CallModel, request: ModelRequest, watch: "messages" | "events" = "messages"): Promise<ModelResponse> {
  let reply: ModelResponse | undefined;
  const graph = new StateGraph(z.object({ done: z.boolean() }))
    .addNode("call", async (_state, config: LangGraphRunnableConfig) => {
      reply = await access(request, config);
      return { done: true };
    })
    .addEdge("__start__", "call")
    .compile();
  const input = { done: false };
  for await (const _event of watch === "events"
    ? await graph.streamEvents(input, { version: "v3" })
    : await graph.stream(input, { streamMode: "messages" })) {
    // Reading it to its end is what runs the graph.
  }
  if (!reply) throw new Error("the node was not run");
  return reply;
}
