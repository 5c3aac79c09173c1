import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import { END, MessagesAnnotation, MessagesValue, MessagesZodMeta, START, StateGraph, StateSchema } from "@langchain/langgraph";
import { registry } from "@langchain/langgraph/zod";
import { describe, expect, it } from "vitest";
import { z } from "zod";

import { QuorumError } from "../../src/errors.js";
import { createReviewPanel } from "../../src/graph/review-panel.js";
import { createModelCaller } from "../../src/models/create-model-caller.js";
import { Review } from "../../src/state/records.js";
import { Verdict } from "../../src/state/settings.js";
import { createThread, createUnavailableError } from "../support/graph-under-test.js";
import { HostState, createHostUnderTest, hostInput, panelSettings } from "../support/panel-host.js";
import { createScriptedModels, defaultScript } from "../support/scripted-models.js";

/** The panel as a node of the host graph, and invoked from a node. */
const variants = [["withPanelNode"], ["withPanelCall"]] as const;

describe.each(variants)("a host graph %s", (variant) => {
  it(`a host graph ${variant} gets the output in channels of the same names, and no other channel changes`, async () => {
    const host = createHostUnderTest();
    const state = await host[variant]().invoke(hostInput, { ...createThread(), context: { model: 7, user: "me" } });
    expect(state).toMatchObject({ turns: "mine", verdict: "positive" });
    expect(state.reviews.map(({ reviewer }) => reviewer)).toEqual(["a", "b", "c"]);
    expect(state.messages.map((message: BaseMessage) => message.text)).toEqual(["How do I bake bread?", "Answer 1."]);
  });

  it(`a host graph ${variant} streams the panel's events with and without subgraphs`, async () => {
    const collectEvents = async (subgraphs: boolean) => {
      const events: unknown[] = [];
      const stream = await createHostUnderTest()
        [variant]()
        .stream(hostInput, { ...createThread(), streamMode: ["custom"], subgraphs });
      for await (const event of stream) events.push(event.at(-1));
      return events;
    };
    const expected = [
      ...["a", "b", "c"].map((reviewer) => expect.objectContaining({ type: "review", turn: 1, reviewer })),
      { type: "verdict", turn: 1, verdict: "positive", positive: 3, negative: 0 },
    ];
    expect(await collectEvents(false)).toEqual(expected);
    expect(await collectEvents(true)).toEqual(expected);
  });

  it(`a host graph ${variant} makes calls with the same run names as the loop`, async () => {
    const runs: unknown[] = [];
    const host = createHostUnderTest((request, call) => {
      runs.push([call.config.runName, call.config.metadata?.reviewer, call.config.metadata?.langgraph_node]);
      return defaultScript(request, call);
    });
    await host[variant]().invoke(hostInput, createThread());
    expect(runs).toEqual(["a", "b", "c"].map((name) => [`review: ${name} turn 1`, name, "reviewer"]));
  });

  it(`a host graph ${variant} passes its signal on to the reviewers`, async () => {
    const controller = new AbortController();
    const aborted: string[] = [];
    const host = createHostUnderTest(
      (_, { label, config }) =>
        new Promise((_resolve, reject) => {
          config.signal?.addEventListener("abort", () => {
            aborted.push(label);
            reject(new Error("aborted"));
          });
          if (label === "c 1") controller.abort();
        }),
    );
    await expect(host[variant]().invoke(hostInput, { ...createThread(), signal: controller.signal })).rejects.toThrow(
      expect.objectContaining({ name: "AbortError" }),
    );
    expect(aborted.sort()).toEqual(["a 1", "b 1", "c 1"]);
  });

  it.each([
    ["the same graph", false],
    ["a new graph with the same checkpointer", true],
  ])(`a host graph ${variant} calls only the missing reviewers when it resumes: %s`, async (_, restart) => {
    const unavailable = new Set(["b", "c"]);
    const host = createHostUnderTest((request, call) => {
      if (unavailable.has(request.reviewer ?? "")) throw createUnavailableError(request.reviewer ?? "");
      return defaultScript(request, call);
    });
    const graph = host[variant]();
    const getGraph = () => (restart ? host[variant]() : graph);
    const thread = createThread();
    await expect(graph.invoke(hostInput, thread)).rejects.toThrow(QuorumError);
    expect(host.startedCalls.splice(0)).toEqual(["a 1", "b 1", "c 1"]);
    await expect(getGraph().invoke(null, thread)).rejects.toThrow(QuorumError);
    expect(host.startedCalls.splice(0)).toEqual(["b 1", "c 1"]);
    unavailable.clear();
    const { verdict, reviews } = await getGraph().invoke(null, thread);
    expect(host.startedCalls).toEqual(["b 1", "c 1"]);
    expect(verdict).toBe("positive");
    expect(reviews.map(({ reviewer }) => reviewer)).toEqual(["a", "b", "c"]);
    expect(host.answers).toEqual(["Answer 1."]);
  });

  it(`a host graph ${variant} keeps the other reviews when one reviewer throws`, async () => {
    let failed = false;
    const host = createHostUnderTest((request, call) => {
      if (request.reviewer === "c" && !failed) {
        failed = true;
        throw new Error("simulated crash");
      }
      return defaultScript(request, call);
    });
    const thread = createThread();
    await expect(host[variant]().invoke(hostInput, thread)).rejects.toThrow("simulated crash");
    await host[variant]().invoke(null, thread);
    expect(host.completedCalls.sort()).toEqual(["a 1", "b 1", "c 1"]);
  });
});

describe("the state of a host graph", () => {
  const { callModel } = createScriptedModels();
  const panel = createReviewPanel({ callModel, settings: panelSettings });

  it("the state of a host graph can be a zod object", async () => {
    const State = z.object({
      messages: z.array(z.custom<BaseMessage>()).register(registry, MessagesZodMeta),
      reviews: z.array(Review).optional(),
      verdict: Verdict.optional(),
    });
    const host = new StateGraph(State).addNode("panel", panel).addEdge(START, "panel").addEdge("panel", END).compile();
    const { verdict, reviews } = await host.invoke({ messages: [...hostInput.messages, new AIMessage("So.")] });
    expect([verdict, reviews?.length]).toEqual(["positive", 3]);
  });

  it("the state of a host graph can be a StateSchema", async () => {
    const State = new StateSchema({ messages: MessagesValue, verdict: Verdict.optional() });
    const host = new StateGraph(State).addNode("panel", panel).addEdge(START, "panel").addEdge("panel", END).compile();
    const { verdict } = await host.invoke({ messages: [...hostInput.messages, new AIMessage("So.")] });
    expect(verdict).toBe("positive");
  });

  it("the state of a host graph can share only messages", async () => {
    const host = new StateGraph(MessagesAnnotation).addNode("panel", panel).addEdge(START, "panel").addEdge("panel", END).compile();
    const state = await host.invoke({ messages: [...hostInput.messages, new AIMessage("So.")] });
    expect(Object.keys(state)).toEqual(["messages"]);
    expect(state.messages).toHaveLength(2);
  });
});

describe("the messages stream of a host graph", () => {
  it("reviewers' tokens are streamed only with subgraphs", async () => {
    const panel = createReviewPanel({ callModel: createModelCaller({ env: {} }), settings: panelSettings });
    const graph = new StateGraph(HostState)
      .addNode("agent", () => ({ messages: [new AIMessage({ content: "So.", id: "answer" })] }))
      .addNode("panel", panel)
      .addEdge(START, "agent")
      .addEdge("agent", "panel")
      .addEdge("panel", END)
      .compile();
    const collectNodes = async (subgraphs: boolean) => {
      const nodes = new Set<unknown>();
      for await (const event of await graph.stream(hostInput, { streamMode: ["messages"], subgraphs })) {
        const [, metadata] = z.tuple([z.unknown(), z.looseObject({ langgraph_node: z.string() })]).parse(event.at(-1));
        nodes.add(metadata.langgraph_node);
      }
      return [...nodes];
    };
    expect(await collectNodes(false)).toEqual(["agent"]);
    expect(await collectNodes(true)).toEqual(["agent", "reviewer"]);
  });
});
