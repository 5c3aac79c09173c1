import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import {
  Annotation,
  END,
  MemorySaver,
  MessagesAnnotation,
  MessagesValue,
  MessagesZodMeta,
  START,
  StateGraph,
  StateSchema,
} from "@langchain/langgraph";
import { registry } from "@langchain/langgraph/zod";
import { describe, expect, it } from "vitest";
import { z } from "zod";

import { QuorumError } from "../../src/errors.js";
import { createReviewPanel } from "../../src/graph/review-panel.js";
import { createModelCaller } from "../../src/models/create-model-caller.js";
import { Review } from "../../src/state/records.js";
import { Verdict } from "../../src/state/settings.js";
import { createThread, createPanel, createUnavailableError } from "../support/graph-under-test.js";
import { type Script, defaultScript, createScriptedModels } from "../support/scripted-models.js";

const settings = { panel: createPanel("a", "b", "c") };
const input = { messages: [new HumanMessage("How do I bake bread?")] };

/** A host of its own kind: its `turns`, its context and its `reviews` have nothing to do with the panel's. */
const HostState = Annotation.Root({
  ...MessagesAnnotation.spec,
  turns: Annotation<string>,
  verdict: Annotation<Verdict>,
  reviews: Annotation<Review[]>({ reducer: (all, more) => [...all, ...more], default: () => [] }),
});

function hostUnderTest(script: Script = defaultScript) {
  const scripted = createScriptedModels(script);
  const checkpointer = new MemorySaver();
  const answers: string[] = [];
  const agent = () => {
    answers.push(`Answer ${answers.length + 1}.`);
    return { messages: [new AIMessage(answers.at(-1) ?? "")], turns: "mine" };
  };
  const withPanel = (panel = createReviewPanel({ callModel: scripted.callModel, settings })) =>
    new StateGraph(HostState)
      .addNode("agent", agent)
      .addNode("panel", panel)
      .addEdge(START, "agent")
      .addEdge("agent", "panel")
      .addEdge("panel", END)
      .compile({ checkpointer });
  const withCall = (panel = createReviewPanel({ callModel: scripted.callModel, settings })) =>
    new StateGraph(HostState)
      .addNode("agent", agent)
      .addNode("panel", async ({ messages }, runtime) => {
        const { verdict, reviews } = await panel.invoke({ messages }, runtime);
        return { verdict, reviews };
      })
      .addEdge(START, "agent")
      .addEdge("agent", "panel")
      .addEdge("panel", END)
      .compile({ checkpointer });
  return { ...scripted, answers, withPanel, withCall };
}

/** The panel as a node of the host, and invoked from one. */
const ways = [["withPanel"], ["withCall"]] as const;

describe.each(ways)("in a host graph, %s", (way) => {
  it("leaves its outcome in the channels of those names, and everything else alone", async () => {
    const host = hostUnderTest();
    const state = await host[way]().invoke(input, { ...newThread(), context: { model: 7, user: "me" } });
    expect(state).toMatchObject({ turns: "mine", verdict: "positive" });
    expect(state.reviews.map(({ reviewer }) => reviewer)).toEqual(["a", "b", "c"]);
    expect(state.messages.map((message: BaseMessage) => message.text)).toEqual(["How do I bake bread?", "Answer 1."]);
  });

  it("streams its events with and without those of subgraphs", async () => {
    const seen = async (subgraphs: boolean) => {
      const events: unknown[] = [];
      const stream = await hostUnderTest()
        [way]()
        .stream(input, { ...newThread(), streamMode: ["custom"], subgraphs });
      for await (const event of stream) events.push(event.at(-1));
      return events;
    };
    const expected = [
      ...["a", "b", "c"].map((reviewer) => expect.objectContaining({ type: "review", turn: 1, reviewer })),
      { type: "verdict", turn: 1, verdict: "positive", positive: 3, negative: 0 },
    ];
    expect(await seen(false)).toEqual(expected);
    expect(await seen(true)).toEqual(expected);
  });

  it("names its calls as the loop does", async () => {
    const runs: unknown[] = [];
    const host = hostUnderTest((request, call) => {
      runs.push([call.config.runName, call.config.metadata?.reviewer, call.config.metadata?.langgraph_node]);
      return defaultScript(request, call);
    });
    await host[way]().invoke(input, createThread());
    expect(runs).toEqual(["a", "b", "c"].map((name) => [`review: ${name} turn 1`, name, "reviewer"]));
  });

  it("stops with the host's signal", async () => {
    const stop = new AbortController();
    const aborted: string[] = [];
    const host = hostUnderTest(
      (_, { label, config }) =>
        new Promise((_resolve, reject) => {
          config.signal?.addEventListener("abort", () => {
            aborted.push(label);
            reject(new Error("the model was told to stop"));
          });
          if (label === "c 1") stop.abort();
        }),
    );
    await expect(host[way]().invoke(input, { ...newThread(), signal: stop.signal })).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
    expect(aborted.sort()).toEqual(["a 1", "b 1", "c 1"]);
  });

  it.each([
    ["the same graph", false],
    ["a graph built anew over the same saver", true],
  ])("calls missing reviewers back when the host resumes, and nobody else: %s", async (_, restart) => {
    const down = new Set(["b", "c"]);
    const host = hostUnderTest((request, call) => {
      if (down.has(request.reviewer ?? "")) throw createUnavailableError(request.reviewer ?? "");
      return defaultScript(request, call);
    });
    const graph = host[way]();
    const next = () => (restart ? host[way]() : graph);
    const thread = createThread();
    await expect(graph.invoke(input, thread)).rejects.toThrow(QuorumError);
    expect(host.startedCalls.splice(0)).toEqual(["a 1", "b 1", "c 1"]);
    await expect(next().invoke(null, thread)).rejects.toThrow(QuorumError);
    expect(host.startedCalls.splice(0)).toEqual(["b 1", "c 1"]);
    down.clear();
    const { verdict, reviews } = await next().invoke(null, thread);
    expect(host.startedCalls).toEqual(["b 1", "c 1"]);
    expect(verdict).toBe("positive");
    expect(reviews.map(({ reviewer }) => reviewer)).toEqual(["a", "b", "c"]);
    expect(host.answers).toEqual(["Answer 1."]);
  });

  it("keeps the reviews of a run that failed with one of them", async () => {
    let failed = false;
    const host = hostUnderTest((request, call) => {
      if (request.reviewer === "c" && !failed) {
        failed = true;
        throw new Error("the machine caught fire");
      }
      return defaultScript(request, call);
    });
    const thread = createThread();
    await expect(host[way]().invoke(input, thread)).rejects.toThrow("caught fire");
    await host[way]().invoke(null, thread);
    expect(host.completedCalls.sort()).toEqual(["a 1", "b 1", "c 1"]);
  });
});

describe("hosts of other making", () => {
  const { callModel } = createScriptedModels();
  const panel = createReviewPanel({ callModel, settings });

  it("may be zod objects", async () => {
    const State = z.object({
      messages: z.array(z.custom<BaseMessage>()).register(registry, MessagesZodMeta),
      reviews: z.array(Review).optional(),
      verdict: Verdict.optional(),
    });
    const host = new StateGraph(State).addNode("panel", panel).addEdge(START, "panel").addEdge("panel", END).compile();
    const { verdict, reviews } = await host.invoke({ messages: [...input.messages, new AIMessage("So.")] });
    expect([verdict, reviews?.length]).toEqual(["positive", 3]);
  });

  it("may be state schemas", async () => {
    const State = new StateSchema({ messages: MessagesValue, verdict: Verdict.optional() });
    const host = new StateGraph(State).addNode("panel", panel).addEdge(START, "panel").addEdge("panel", END).compile();
    const { verdict } = await host.invoke({ messages: [...input.messages, new AIMessage("So.")] });
    expect(verdict).toBe("positive");
  });

  it("may share nothing but messages", async () => {
    const host = new StateGraph(MessagesAnnotation).addNode("panel", panel).addEdge(START, "panel").addEdge("panel", END).compile();
    const state = await host.invoke({ messages: [...input.messages, new AIMessage("So.")] });
    expect(Object.keys(state)).toEqual(["messages"]);
    expect(state.messages).toHaveLength(2);
  });
});

describe("a host that calls the panel more than once", () => {
  it("hears of each revised answer in turn, in one run", async () => {
    const host = hostUnderTest((request, call) => defaultScript(request, call));
    const panel = createReviewPanel({ callModel: host.callModel, settings });
    let answers = 0;
    const graph = new StateGraph(HostState)
      .addNode("agent", () => ({ messages: [new AIMessage(`Draft ${++answers}.`)] }))
      .addNode("panel", panel)
      .addEdge(START, "agent")
      .addEdge("agent", "panel")
      .addConditionalEdges("panel", () => (answers < 3 ? "agent" : END), ["agent", END])
      .compile();
    const { reviews } = await graph.invoke(input);
    expect(reviews).toHaveLength(9);
    const drafts = host.requests.map(({ messages }) => /Draft \d/.exec(messages.at(-1)?.text ?? "")?.[0]);
    expect(drafts).toEqual([1, 1, 1, 2, 2, 2, 3, 3, 3].map((draft) => `Draft ${draft}`));
    for (const { messages } of host.requests) expect(messages.at(-1)?.text).not.toContain("finds nothing missing");
  });

  it("resumes panels that sit side by side, each by itself", async () => {
    const down = new Set(["b", "c"]);
    let resumed = false;
    let tell = () => {};
    const rightSits = new Promise<void>((resolve) => (tell = resolve));
    const { callModel, startedCalls } = createScriptedModels((request, call) => {
      const isLeft = request.messages.at(-1)?.text.includes("Answer left.");
      if (isLeft && down.has(request.reviewer ?? "")) throw createUnavailableError(request.reviewer ?? "");
      if (!isLeft && !resumed) throw new Error("the machine caught fire");
      if (!isLeft) tell();
      return defaultScript(request, call);
    });
    const panel = createReviewPanel({ callModel, settings });
    const review = async (side: string) => ({
      reviews: (await panel.invoke({ messages: [...input.messages, new AIMessage(`Answer ${side}.`)] })).reviews,
    });
    const graph = new StateGraph(HostState)
      .addNode("left", async () => {
        if (resumed) await rightSits;
        return review("left");
      })
      .addNode("right", () => review("right"))
      .addEdge(START, "left")
      .addEdge(START, "right")
      .addEdge("left", END)
      .addEdge("right", END)
      .compile({ checkpointer: new MemorySaver() });
    const thread = createThread();
    await expect(graph.invoke(input, thread)).rejects.toThrow();
    startedCalls.length = 0;
    down.clear();
    resumed = true;
    const { reviews } = await graph.invoke(null, thread);
    expect(startedCalls.sort()).toEqual(["a 1", "b 1", "b 1", "c 1", "c 1"]);
    expect(reviews).toHaveLength(6);
  });
});

describe("the messages stream of a host", () => {
  it("carries reviewers' words only for those who ask for subgraphs", async () => {
    const panel = createReviewPanel({ callModel: createModelCaller({ env: {} }), settings });
    const graph = new StateGraph(HostState)
      .addNode("agent", () => ({ messages: [new AIMessage({ content: "So.", id: "answer" })] }))
      .addNode("panel", panel)
      .addEdge(START, "agent")
      .addEdge("agent", "panel")
      .addEdge("panel", END)
      .compile();
    const nodes = async (subgraphs: boolean) => {
      const from = new Set<unknown>();
      for await (const event of await graph.stream(input, { streamMode: ["messages"], subgraphs })) {
        const [, metadata] = z.tuple([z.unknown(), z.looseObject({ langgraph_node: z.string() })]).parse(event.at(-1));
        from.add(metadata.langgraph_node);
      }
      return [...from];
    };
    expect(await nodes(false)).toEqual(["agent"]);
    expect(await nodes(true)).toEqual(["agent", "reviewer"]);
  });
});
