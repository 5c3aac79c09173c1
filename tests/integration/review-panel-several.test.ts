import { AIMessage } from "@langchain/core/messages";
import { Annotation, END, MemorySaver, START, Send, StateGraph } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import { z } from "zod";

import { QuorumError } from "../../src/errors.js";
import { createReviewPanel } from "../../src/graph/review-panel.js";
import { createThread, createUnavailableError } from "../support/graph-under-test.js";
import { HostState, hostInput, panelSettings } from "../support/panel-host.js";
import { createScriptedModels, defaultScript } from "../support/scripted-models.js";

/** Creates a panel in which the given reviewers are unavailable until the set is cleared. */
function createFailingPanel(unavailable: Set<string>) {
  const scripted = createScriptedModels((request, call) => {
    if (unavailable.has(request.reviewer ?? "")) throw createUnavailableError(request.reviewer ?? "");
    return defaultScript(request, call);
  });
  return { ...scripted, panel: createReviewPanel({ callModel: scripted.callModel, settings: panelSettings }) };
}

/** State of a host graph without a channel for the verdict, which parallel panels would write at once. */
const ReviewsState = Annotation.Root({ messages: HostState.spec.messages, reviews: HostState.spec.reviews });

function createConversation(answer: string) {
  return [...hostInput.messages, new AIMessage(answer)];
}

describe("a host graph with several panel runs", () => {
  it("the panel reviews every revised answer within one run", async () => {
    const { panel, requests } = createFailingPanel(new Set());
    let answers = 0;
    const graph = new StateGraph(HostState)
      .addNode("agent", () => ({ messages: [new AIMessage(`Draft ${++answers}.`)] }))
      .addNode("panel", panel)
      .addEdge(START, "agent")
      .addEdge("agent", "panel")
      .addConditionalEdges("panel", () => (answers < 3 ? "agent" : END), ["agent", END])
      .compile();
    const { reviews } = await graph.invoke(hostInput);
    expect(reviews).toHaveLength(9);
    const drafts = requests.map(({ messages }) => /Draft \d/.exec(messages.at(-1)?.text ?? "")?.[0]);
    expect(drafts).toEqual([1, 1, 1, 2, 2, 2, 3, 3, 3].map((draft) => `Draft ${draft}`));
    for (const { messages } of requests) expect(messages.at(-1)?.text).not.toContain("finds nothing missing");
  });

  it("parallel panels are resumed independently", async () => {
    const unavailable = new Set(["b", "c"]);
    let resumed = false;
    let resolveStarted = () => {};
    const rightStarted = new Promise<void>((resolve) => (resolveStarted = resolve));
    const { callModel, startedCalls } = createScriptedModels((request, call) => {
      const isLeft = request.messages.at(-1)?.text.includes("Answer left.");
      if (isLeft && unavailable.has(request.reviewer ?? "")) throw createUnavailableError(request.reviewer ?? "");
      if (!isLeft && !resumed) throw new Error("simulated crash");
      if (!isLeft) resolveStarted();
      return defaultScript(request, call);
    });
    const panel = createReviewPanel({ callModel, settings: panelSettings });
    const review = async (side: string) => ({
      reviews: (await panel.invoke({ messages: createConversation(`Answer ${side}.`) })).reviews,
    });
    const graph = new StateGraph(HostState)
      .addNode("left", async () => {
        if (resumed) await rightStarted;
        return review("left");
      })
      .addNode("right", () => review("right"))
      .addEdge(START, "left")
      .addEdge(START, "right")
      .addEdge("left", END)
      .addEdge("right", END)
      .compile({ checkpointer: new MemorySaver() });
    const thread = createThread();
    await expect(graph.invoke(hostInput, thread)).rejects.toThrow();
    startedCalls.length = 0;
    unavailable.clear();
    resumed = true;
    const { reviews } = await graph.invoke(null, thread);
    expect(startedCalls.sort()).toEqual(["a 1", "b 1", "b 1", "c 1", "c 1"]);
    expect(reviews).toHaveLength(6);
  });

  it("two parallel calls of one panel in one node are resumed independently", async () => {
    const unavailable = new Set(["b", "c"]);
    const { panel, startedCalls } = createFailingPanel(unavailable);
    const graph = new StateGraph(HostState, z.object({ user: z.string() }))
      .addNode("both", async (_, runtime) => {
        const results = await Promise.allSettled(["left", "right"].map((answer) => panel.invoke({ messages: createConversation(answer) }, runtime)));
        return {
          reviews: results.flatMap((result) => {
            if (result.status === "rejected") throw result.reason;
            return result.value.reviews;
          }),
        };
      })
      .addEdge(START, "both")
      .addEdge("both", END)
      .compile({ checkpointer: new MemorySaver() });
    const config = { ...createThread(), context: { user: "me" } };
    await expect(graph.invoke(hostInput, config)).rejects.toThrow(QuorumError);
    expect(startedCalls.splice(0).sort()).toEqual(["a 1", "a 1", "b 1", "b 1", "c 1", "c 1"]);
    unavailable.clear();
    const { reviews } = await graph.invoke(null, config);
    expect(startedCalls.sort()).toEqual(["b 1", "b 1", "c 1", "c 1"]);
    expect(reviews).toHaveLength(6);
  });

  it("panels dispatched with Send are resumed independently", async () => {
    const unavailable = new Set(["b", "c"]);
    const { panel, startedCalls } = createFailingPanel(unavailable);
    const graph = new StateGraph(ReviewsState)
      .addNode("start", () => ({}))
      .addNode("panel", panel)
      .addEdge(START, "start")
      .addConditionalEdges("start", () => ["left", "right"].map((answer) => new Send("panel", { messages: createConversation(answer) })), ["panel"])
      .addEdge("panel", END)
      .compile({ checkpointer: new MemorySaver() });
    const thread = createThread();
    await expect(graph.invoke(hostInput, thread)).rejects.toThrow();
    expect(startedCalls.splice(0).sort()).toEqual(["a 1", "a 1", "b 1", "b 1", "c 1", "c 1"]);
    await expect(graph.invoke(null, thread)).rejects.toThrow();
    expect(startedCalls.splice(0).sort()).toEqual(["b 1", "b 1", "c 1", "c 1"]);
    unavailable.clear();
    const { reviews } = await graph.invoke(null, thread);
    expect(startedCalls.sort()).toEqual(["b 1", "b 1", "c 1", "c 1"]);
    expect(reviews).toHaveLength(6);
  });

  it("a panel in a nested graph calls only the missing reviewers when it is resumed", async () => {
    const unavailable = new Set(["b", "c"]);
    const { panel, startedCalls } = createFailingPanel(unavailable);
    const Context = z.object({ user: z.string() });
    const inner = new StateGraph(HostState, Context).addNode("panel", panel).addEdge(START, "panel").addEdge("panel", END).compile();
    const outer = new StateGraph(HostState, Context)
      .addNode("agent", () => ({ messages: [new AIMessage("So.")] }))
      .addNode("inner", inner)
      .addEdge(START, "agent")
      .addEdge("agent", "inner")
      .addEdge("inner", END)
      .compile({ checkpointer: new MemorySaver() });
    const config = { ...createThread(), context: { user: "me" } };
    await expect(outer.invoke(hostInput, config)).rejects.toThrow(QuorumError);
    expect(startedCalls.splice(0)).toEqual(["a 1", "b 1", "c 1"]);
    await expect(outer.invoke(null, config)).rejects.toThrow(QuorumError);
    expect(startedCalls.splice(0)).toEqual(["b 1", "c 1"]);
    unavailable.clear();
    const { verdict, reviews } = await outer.invoke(null, config);
    expect(startedCalls).toEqual(["b 1", "c 1"]);
    expect([verdict, reviews.length]).toEqual(["positive", 3]);
  });
});
