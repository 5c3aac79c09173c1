import { HumanMessage, SystemMessage } from "@langchain/core/messages";
import { type LangGraphRunnableConfig, StateGraph } from "@langchain/langgraph";
import { z } from "zod";

import type { CallModel, ModelRequest, ModelResponse } from "../../src/model-calls/model-call.js";
import type { ModelSettings } from "../../src/state/settings.js";

/** Creates settings for a model at a test server. Its key is in {@link testEnv}. */
export function createModelSettings(baseUrl: string | null, overrides: Partial<ModelSettings> = {}): ModelSettings {
  return { model: "openai:test-model", baseUrl, apiKeyEnv: "TEST_KEY", temperature: 0.1, maxOutputTokens: 256, ...overrides };
}

/** Long and unusual enough to be found wherever it must not appear. */
export const secretKey = "Zt7-very-secret-value-91";
export const testEnv = { TEST_KEY: secretKey };

/** Creates a request of the candidate. */
export function createRequest(baseUrl: string | null, overrides: Partial<ModelRequest> = {}): ModelRequest {
  return {
    caller: { name: "candidate" },
    settings: createModelSettings(baseUrl),
    messages: [new SystemMessage("Answer briefly."), new HumanMessage("Why is the sky blue?")],
    ...overrides,
  };
}

/** Makes a call inside a graph whose messages or events are streamed, which makes LangChain stream the response. */
export async function callInStreamedGraph(
  callModel: CallModel,
  request: ModelRequest,
  streamMode: "messages" | "events" = "messages",
): Promise<ModelResponse> {
  let response: ModelResponse | undefined;
  const graph = new StateGraph(z.object({ done: z.boolean() }))
    .addNode("call", async (_state, config: LangGraphRunnableConfig) => {
      response = await callModel(request, config);
      return { done: true };
    })
    .addEdge("__start__", "call")
    .compile();
  const input = { done: false };
  for await (const _event of streamMode === "events"
    ? await graph.streamEvents(input, { version: "v3" })
    : await graph.stream(input, { streamMode: "messages" })) {
    // Reading the stream to its end runs the graph.
  }
  if (!response) throw new Error("the node did not run");
  return response;
}
