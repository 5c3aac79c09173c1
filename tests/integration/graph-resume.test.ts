import { setTimeout as delay } from "node:timers/promises";

import { describe, expect, it } from "vitest";

import { toConversationMessages } from "../../src/state/conversation.js";
import { createGraphUnderTest, createThread, createPanel, createUnavailableError } from "../support/graph-under-test.js";
import { type Script, defaultScript } from "../support/scripted-models.js";

const seed = { instruction: "How do I bake bread?" };
const panel = createPanel("a", "b", "c");
const settings = { turns: 3, panel };

/** Every call of an undisturbed run of {@link settings}. */
const everyCall = [1, 2].flatMap((turn) => ["candidate", "a", "b", "c", "chairman"].map((who) => `${who} ${turn}`)).concat("candidate 3");

/** Fails each of the given calls, once a label. */
function failingOnce(error: () => Error, ...labels: string[]): Script {
  const left = new Set(labels);
  return (request, call) => {
    if (left.delete(call.label)) throw error();
    return defaultScript(request, call);
  };
}

const fire = "the machine caught fire";
const crash = () => new Error(fire);

describe("a run that failed", () => {
  it.each(everyCall)("at %s is resumed without paying for any completedCalls call twice", async (label) => {
    const { graph, completedCalls } = createGraphUnderTest(failingOnce(crash, label));
    const thread = createThread(settings);
    await expect(graph.invoke(seed, thread)).rejects.toThrow(fire);
    const { turns, messages } = await graph.invoke(null, thread);
    expect([...completedCalls].sort()).toEqual([...everyCall].sort());
    expect(turns.map(({ evolution, verdict, reviews }) => [evolution, verdict, reviews.length])).toEqual([
      ["seed", "positive", 3],
      ["breadth", "positive", 3],
      ["breadth", null, 0],
    ]);
    expect(toConversationMessages(messages).map(({ role }) => role)).toEqual(["user", "assistant", "user", "assistant", "user", "assistant"]);
  });

  it("may be resumed by a process that was started anew, failure after failure", async () => {
    const { reopen, completedCalls } = createGraphUnderTest(failingOnce(crash, ...everyCall));
    const thread = createThread(settings);
    await expect(reopen().invoke(seed, thread)).rejects.toThrow(fire);
    // Reviewers fail together, in one run and with one error, so there are fewer runs than calls.
    const runsToFail = 2 * (1 + 1 + 1);
    for (let run = 1; run <= runsToFail; run++) await expect(reopen().invoke(null, thread)).rejects.toThrow();
    const { turns } = await reopen().invoke(null, thread);
    expect(turns).toHaveLength(3);
    expect([...completedCalls].sort()).toEqual([...everyCall].sort());
  });

  it("goes on with the conversation that it had", async () => {
    const { graph, requests } = createGraphUnderTest(failingOnce(crash, "candidate 2"));
    const thread = createThread(settings);
    await expect(graph.invoke(seed, thread)).rejects.toThrow(fire);
    await graph.invoke(null, thread);
    const [failed, resumed] = requests.filter(({ role }) => role === "candidate").slice(1);
    expect(toConversationMessages(resumed?.messages ?? [])).toEqual(toConversationMessages(failed?.messages ?? []));
  });

  it.each(["candidate 2", "chairman 1"])("for want of an endpoint at %s tells so, and is resumed", async (label) => {
    const { graph, completedCalls } = createGraphUnderTest(failingOnce(() => createUnavailableError(label), label));
    const thread = createThread(settings);
    await expect(graph.invoke(seed, thread)).rejects.toMatchObject({ code: "model_unavailable", message: `the endpoint of ${label} is down` });
    await graph.invoke(null, thread);
    expect(completedCalls).toHaveLength(everyCall.length);
  });

  it("at one reviewer lets the others end what they began, and asks none of them again", async () => {
    let failing = true;
    const { graph, completedCalls } = createGraphUnderTest(async (request, call) => {
      if (failing && call.label === "b 1") throw crash();
      if (request.role === "reviewer") await delay(50, undefined, { signal: call.config.signal });
      return defaultScript(request, call);
    });
    const thread = createThread(settings);
    await expect(graph.invoke(seed, thread)).rejects.toThrow(fire);
    expect([...completedCalls].sort()).toEqual(["a 1", "c 1", "candidate 1"]);
    failing = false;
    await graph.invoke(null, thread);
    expect([...completedCalls].sort()).toEqual([...everyCall].sort());
  });

  it("does not disturb the other threads of its graph", async () => {
    const { graph } = createGraphUnderTest((request, call) => {
      if (request.messages.at(-1)?.text.includes("Fail")) throw crash();
      return defaultScript(request, call);
    });
    const runs = ["Fail now.", "Fine.", "Fail too.", "Good."].map((instruction) => graph.invoke({ instruction }, createThread(settings)));
    const results = await Promise.allSettled(runs);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "rejected", "fulfilled"]);
  });

  it("that is complete has nothing left to do", async () => {
    const { graph, completedCalls } = createGraphUnderTest();
    const thread = createThread(settings);
    const output = await graph.invoke(seed, thread);
    expect((await graph.getState(thread)).next).toEqual([]);
    const again = await graph.invoke(null, thread);
    expect(again.turns).toEqual(output.turns);
    expect(completedCalls).toEqual(everyCall);
  });
});

describe("a run that is stopped by its signal", () => {
  /** Waits for the signal at the given calls, and tells when all of them wait. */
  function waitingAt(labels: readonly string[], heed: boolean) {
    const waiting = new Set<string>();
    const aborted: string[] = [];
    let tell = () => {};
    const allWait = new Promise<void>((resolve) => (tell = resolve));
    let done = false;
    const script: Script = (request, call) => {
      if (done || !labels.includes(call.label)) return defaultScript(request, call);
      waiting.add(call.label);
      if (waiting.size === labels.length) tell();
      return new Promise((_, reject) => {
        call.config.signal?.addEventListener("abort", () => {
          aborted.push(call.label);
          if (heed) reject(new Error("the model was told to stop"));
        });
      });
    };
    return { script, allWait, aborted, goOn: () => (done = true) };
  }

  it.each([
    ["the candidate", ["candidate 1"], true],
    ["the whole panel", ["a 1", "b 1", "c 1"], true],
    ["the chairman", ["chairman 1"], true],
    ["models that do not listen", ["a 1", "b 1", "c 1"], false],
  ] as const)("stops %s, who hears of it, and can be resumed", async (_, labels, heed) => {
    const { script, allWait, aborted, goOn } = waitingAt(labels, heed);
    const { graph, completedCalls } = createGraphUnderTest(script);
    const thread = createThread(settings);
    const stop = new AbortController();
    const run = graph.invoke(seed, { ...thread, signal: stop.signal });
    await allWait;
    stop.abort();
    await expect(run).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
    expect(aborted.sort()).toEqual([...labels]);
    goOn();
    const { turns } = await graph.invoke(null, thread);
    expect(turns.map(({ abstentions }) => abstentions)).toEqual([[], [], []]);
    expect([...completedCalls].sort()).toEqual([...everyCall].sort());
  });

  it("makes no call when it was stopped before", async () => {
    const { graph, startedCalls } = createGraphUnderTest();
    await expect(graph.invoke(seed, { ...newThread(), signal: AbortSignal.abort() })).rejects.toThrow();
    expect(startedCalls).toEqual([]);
  });
});
