import { setTimeout as delay } from "node:timers/promises";

import { describe, expect, it } from "vitest";

import { toConversationMessages } from "../../src/state/conversation.js";
import { createGraphUnderTest, createThread, createPanel, createUnavailableError } from "../support/graph-under-test.js";
import { type Script, defaultScript } from "../support/scripted-models.js";

const seed = { instruction: "How do I bake bread?" };
const panel = createPanel("a", "b", "c");
const settings = { turns: 3, panel };

/** Every call of an uninterrupted run with {@link settings}. */
const allCalls = [1, 2].flatMap((turn) => ["candidate", "a", "b", "c", "chairman"].map((name) => `${name} ${turn}`)).concat("candidate 3");

/** Fails each of the given calls once. */
function failOnce(createError: () => Error, ...labels: string[]): Script {
  const remaining = new Set(labels);
  return (request, call) => {
    if (remaining.delete(call.label)) throw createError();
    return defaultScript(request, call);
  };
}

const crashMessage = "simulated crash";
const createCrash = () => new Error(crashMessage);

describe("a resumed run", () => {
  it.each(allCalls)("a run that failed at %s is resumed without repeating a completed call", async (label) => {
    const { graph, completedCalls } = createGraphUnderTest(failOnce(createCrash, label));
    const thread = createThread(settings);
    await expect(graph.invoke(seed, thread)).rejects.toThrow(crashMessage);
    const { turns, messages } = await graph.invoke(null, thread);
    expect([...completedCalls].sort()).toEqual([...allCalls].sort());
    expect(turns.map(({ evolution, verdict, reviews }) => [evolution, verdict, reviews.length])).toEqual([
      ["seed", "positive", 3],
      ["breadth", "positive", 3],
      ["breadth", null, 0],
    ]);
    expect(toConversationMessages(messages).map(({ role }) => role)).toEqual(["user", "assistant", "user", "assistant", "user", "assistant"]);
  });

  it("a run can be resumed in a new process after every failure", async () => {
    const { reopen, completedCalls } = createGraphUnderTest(failOnce(createCrash, ...allCalls));
    const thread = createThread(settings);
    await expect(reopen().invoke(seed, thread)).rejects.toThrow(crashMessage);
    // Reviewers fail together, in one run and with one error, so there are fewer runs than calls.
    const runsToFail = 2 * (1 + 1 + 1);
    for (let run = 1; run <= runsToFail; run++) await expect(reopen().invoke(null, thread)).rejects.toThrow();
    const { turns } = await reopen().invoke(null, thread);
    expect(turns).toHaveLength(3);
    expect([...completedCalls].sort()).toEqual([...allCalls].sort());
  });

  it("a resumed run continues with the same messages", async () => {
    const { graph, requests } = createGraphUnderTest(failOnce(createCrash, "candidate 2"));
    const thread = createThread(settings);
    await expect(graph.invoke(seed, thread)).rejects.toThrow(crashMessage);
    await graph.invoke(null, thread);
    const [failed, resumed] = requests.filter(({ role }) => role === "candidate").slice(1);
    expect(toConversationMessages(resumed?.messages ?? [])).toEqual(toConversationMessages(failed?.messages ?? []));
  });

  it.each(["candidate 2", "chairman 1"])("a run that failed at %s for an unavailable endpoint names it and can be resumed", async (label) => {
    const { graph, completedCalls } = createGraphUnderTest(failOnce(() => createUnavailableError(label), label));
    const thread = createThread(settings);
    await expect(graph.invoke(seed, thread)).rejects.toMatchObject({ code: "model_unavailable", message: `the endpoint of ${label} is down` });
    await graph.invoke(null, thread);
    expect(completedCalls).toHaveLength(allCalls.length);
  });

  it("the other reviewers finish when one throws, and a resume does not call them again", async () => {
    let crashing = true;
    const { graph, completedCalls } = createGraphUnderTest(async (request, call) => {
      if (crashing && call.label === "b 1") throw createCrash();
      if (request.role === "reviewer") await delay(50, undefined, { signal: call.config.signal });
      return defaultScript(request, call);
    });
    const thread = createThread(settings);
    await expect(graph.invoke(seed, thread)).rejects.toThrow(crashMessage);
    expect([...completedCalls].sort()).toEqual(["a 1", "c 1", "candidate 1"]);
    crashing = false;
    await graph.invoke(null, thread);
    expect([...completedCalls].sort()).toEqual([...allCalls].sort());
  });

  it("a failed run does not affect other threads of its graph", async () => {
    const { graph } = createGraphUnderTest((request, call) => {
      if (request.messages.at(-1)?.text.includes("Fail")) throw createCrash();
      return defaultScript(request, call);
    });
    const runs = ["Fail now.", "Fine.", "Fail too.", "Good."].map((instruction) => graph.invoke({ instruction }, createThread(settings)));
    const results = await Promise.allSettled(runs);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "rejected", "fulfilled"]);
  });

  it("a finished run does nothing when it is resumed", async () => {
    const { graph, completedCalls } = createGraphUnderTest();
    const thread = createThread(settings);
    const output = await graph.invoke(seed, thread);
    expect((await graph.getState(thread)).next).toEqual([]);
    const resumed = await graph.invoke(null, thread);
    expect(resumed.turns).toEqual(output.turns);
    expect(completedCalls).toEqual(allCalls);
  });
});

describe("an aborted run", () => {
  /** Blocks the given calls until they are aborted. `allBlocked` resolves when all of them have started. */
  function blockAt(labels: readonly string[], rejects: boolean) {
    const blocked = new Set<string>();
    const aborted: string[] = [];
    let resolveBlocked = () => {};
    const allBlocked = new Promise<void>((resolve) => (resolveBlocked = resolve));
    let released = false;
    const script: Script = (request, call) => {
      if (released || !labels.includes(call.label)) return defaultScript(request, call);
      blocked.add(call.label);
      if (blocked.size === labels.length) resolveBlocked();
      return new Promise((_, reject) => {
        call.config.signal?.addEventListener("abort", () => {
          aborted.push(call.label);
          if (rejects) reject(new Error("aborted"));
        });
      });
    };
    return { script, allBlocked, aborted, release: () => (released = true) };
  }

  it.each([
    ["the candidate", ["candidate 1"], true],
    ["the whole panel", ["a 1", "b 1", "c 1"], true],
    ["the chairman", ["chairman 1"], true],
    ["models that ignore the signal", ["a 1", "b 1", "c 1"], false],
  ] as const)("the signal aborts %s, and the run can be resumed", async (_, labels, rejects) => {
    const { script, allBlocked, aborted, release } = blockAt(labels, rejects);
    const { graph, completedCalls } = createGraphUnderTest(script);
    const thread = createThread(settings);
    const stop = new AbortController();
    const run = graph.invoke(seed, { ...thread, signal: stop.signal });
    await allBlocked;
    stop.abort();
    await expect(run).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
    expect(aborted.sort()).toEqual([...labels]);
    release();
    const { turns } = await graph.invoke(null, thread);
    expect(turns.map(({ abstentions }) => abstentions)).toEqual([[], [], []]);
    expect([...completedCalls].sort()).toEqual([...allCalls].sort());
  });

  it("a run makes no call when its signal is already aborted", async () => {
    const { graph, startedCalls } = createGraphUnderTest();
    await expect(graph.invoke(seed, { ...createThread(), signal: AbortSignal.abort() })).rejects.toThrow();
    expect(startedCalls).toEqual([]);
  });
});
