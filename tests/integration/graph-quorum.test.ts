import { describe, expect, it } from "vitest";

import { ModelCallError, QuorumError, ReviewInstructError } from "../../src/errors.js";
import { createGraphUnderTest, createThread, createPanel, createUnavailableError } from "../support/graph-under-test.js";
import { type Script, defaultScript, formatReview } from "../support/scripted-models.js";

const seed = { instruction: "How do I bake bread?" };
const panel = createPanel("a", "b", "c");

/** Responds for all callers except the given reviewers, whose endpoint is unavailable. */
function failReviewers(unavailable: Set<string>): Script {
  return (request, call) => {
    if (request.reviewer !== undefined && unavailable.has(request.reviewer)) throw createUnavailableError(request.reviewer);
    return defaultScript(request, call);
  };
}

describe("a reviewer without a review", () => {
  it("a reviewer whose endpoint fails abstains with the reason recorded, and the run continues", async () => {
    const { graph } = createGraphUnderTest(failReviewers(new Set(["b"])));
    const { turns } = await graph.invoke(seed, createThread({ turns: 2, panel }));
    expect(turns).toHaveLength(2);
    expect(turns[0]).toMatchObject({
      verdict: "positive",
      abstentions: [{ reviewer: "b", code: "model_unavailable", reason: "the endpoint of b is down" }],
    });
    expect(turns[0]?.reviews.map(({ reviewer }) => reviewer)).toEqual(["a", "c"]);
  });

  it("a reviewer abstains after three invalid responses, with their usage recorded", async () => {
    const { graph, startedCalls, requests } = createGraphUnderTest((request, call) =>
      request.reviewer === "b" ? { text: '{"verdict": "positive"}' } : defaultScript(request, call),
    );
    const { turns } = await graph.invoke(seed, createThread({ turns: 2, panel }));
    expect(startedCalls.filter((label) => label === "b 1")).toHaveLength(3);
    // Each repair holds the request, the newest invalid response and its problem, and no earlier ones.
    expect(requests.filter(({ reviewer }) => reviewer === "b").map(({ messages }) => messages.length)).toEqual([2, 4, 4]);
    expect(turns[0]?.calls.filter(({ caller }) => caller === "b")).toHaveLength(3);
    expect(turns[0]?.abstentions).toEqual([
      {
        reviewer: "b",
        code: "response_invalid",
        reason: expect.stringMatching(/reviewer "b".*3 attempts.*critique: /),
        attempts: 3,
        rawText: '{"verdict": "positive"}',
      },
    ]);
  });

  it("a reviewer is asked again with the problem named, and its corrected review counts", async () => {
    const { graph, requests } = createGraphUnderTest((request, call) => {
      if (request.reviewer !== "b") return defaultScript(request, call);
      return { text: request.messages.length === 2 ? "Fine by me!" : formatReview("negative", "It lacks salt.") };
    });
    const { turns } = await graph.invoke(seed, createThread({ turns: 2, panel }));
    expect(turns[0]?.reviews.find(({ reviewer }) => reviewer === "b")).toMatchObject({ critique: "It lacks salt.", verdict: "negative" });
    expect(turns[0]?.abstentions).toEqual([]);
    expect(requests.filter(({ reviewer }) => reviewer === "b")[1]?.messages.at(-1)?.text).toMatch(/holds no JSON object/);
  });

  it("the usage of a response is recorded when the next call fails", async () => {
    const { graph } = createGraphUnderTest((request, call) => {
      if (request.reviewer !== "b") return defaultScript(request, call);
      if (request.messages.length === 2) return { text: "Fine by me!" };
      throw createUnavailableError("b");
    });
    const { turns } = await graph.invoke(seed, createThread({ turns: 2, panel }));
    expect(turns[0]?.abstentions).toMatchObject([{ reviewer: "b", code: "model_unavailable" }]);
    expect(turns[0]?.calls.filter(({ caller }) => caller === "b")).toHaveLength(1);
  });

  it("a reviewer that abstained is called again in the next turn", async () => {
    const { graph, startedCalls } = createGraphUnderTest(failReviewers(new Set(["b"])));
    await graph.invoke(seed, createThread({ turns: 3, panel }));
    expect(startedCalls).toContain("b 2");
  });

  it.each(["model_unauthorized", "model_insufficient_quota", "model_not_found", "model_invalid_configuration"] as const)(
    "a configuration error of a reviewer stops the run: %s",
    async (code) => {
      const error = new ModelCallError(code, "wrong key", {
        caller: { name: "b", group: "reviewer" },
        endpoint: "http://127.0.0.1:9/v1",
        model: "m",
        attempts: 1,
      });
      let fixed = false;
      const { graph, startedCalls } = createGraphUnderTest((request, call) => {
        if (request.reviewer === "b" && !fixed) throw error;
        return defaultScript(request, call);
      });
      const thread = createThread({ turns: 2, panel });
      await expect(graph.invoke(seed, thread)).rejects.toThrow("wrong key");
      fixed = true;
      startedCalls.length = 0;
      await graph.invoke(null, thread);
      expect(startedCalls).toEqual(["b 1", "chairman 1", "candidate 2"]);
    },
  );
});

describe("several reviewers that throw", () => {
  it("errors that are no abstentions fail the run, alone or in LangGraph's AggregateError", async () => {
    const { graph } = createGraphUnderTest((request, call) => {
      if (request.reviewer === undefined) return defaultScript(request, call);
      throw new ReviewInstructError("budget_exhausted", `no money left for ${request.reviewer}`);
    });
    const error: unknown = await graph.invoke(seed, createThread({ panel })).catch((thrown: unknown) => thrown);
    const causes: unknown[] = error instanceof AggregateError ? error.errors : [error];
    expect(causes.length).toBeGreaterThan(0);
    for (const cause of causes)
      expect(cause).toMatchObject({ code: "budget_exhausted", message: expect.stringMatching(/^no money left for [abc]$/) });
  });
});

describe("a missed quorum", () => {
  it("a missed quorum fails the run and names the missing reviewers with their reasons", async () => {
    const { graph } = createGraphUnderTest(failReviewers(new Set(["b", "c"])));
    const failure = graph.invoke(seed, createThread({ panel }));
    await expect(failure).rejects.toThrow(QuorumError);
    await expect(failure).rejects.toMatchObject({
      code: "quorum_not_met",
      message: expect.stringMatching(/turn 1: 1 of the 2 reviews.*b: the endpoint of b is down.*c: the endpoint of c is down/),
      details: { turn: 1, reviews: 1, quorum: 2 },
    });
  });

  it.each([
    ["the same graph", false],
    ["a new graph with the same checkpointer", true],
  ])("each resume calls only the missing reviewers until the quorum is met: %s", async (_, restart) => {
    const unavailable = new Set(["b", "c"]);
    const { graph, reopen, startedCalls, completedCalls } = createGraphUnderTest(failReviewers(unavailable));
    const getGraph = () => (restart ? reopen() : graph);
    const thread = createThread({ turns: 2, panel });
    await expect(graph.invoke(seed, thread)).rejects.toThrow(QuorumError);
    expect(startedCalls).toEqual(["candidate 1", "a 1", "b 1", "c 1"]);

    startedCalls.length = 0;
    await expect(getGraph().invoke(null, thread)).rejects.toThrow(QuorumError);
    expect(startedCalls).toEqual(["b 1", "c 1"]);

    startedCalls.length = 0;
    unavailable.delete("c");
    const { turns } = await getGraph().invoke(null, thread);
    expect(startedCalls).toEqual(["b 1", "c 1", "chairman 1", "candidate 2"]);
    expect(turns[0]).toMatchObject({ verdict: "positive", abstentions: [{ reviewer: "b" }] });
    expect(turns[0]?.reviews.map(({ reviewer }) => reviewer)).toEqual(["a", "c"]);
    expect(completedCalls).toEqual(["candidate 1", "a 1", "c 1", "chairman 1", "candidate 2"]);
  });

  it("a resume with a lower quorum continues without calling a reviewer again", async () => {
    const { graph, startedCalls } = createGraphUnderTest(failReviewers(new Set(["b", "c"])));
    const thread = createThread({ turns: 2, panel });
    await expect(graph.invoke(seed, thread)).rejects.toThrow(QuorumError);
    startedCalls.length = 0;
    const { turns } = await graph.invoke(null, { ...thread, context: createThread({ turns: 2, panel, quorum: 1 }).context });
    expect(startedCalls).toEqual(["chairman 1", "candidate 2"]);
    expect(turns[0]?.reviews).toHaveLength(1);
  });

  it("a panel smaller than the quorum needs all of its reviews", async () => {
    const { graph } = createGraphUnderTest(failReviewers(new Set(["a"])));
    await expect(graph.invoke(seed, createThread({ mode: "one_review", panel }))).rejects.toMatchObject({ details: { reviews: 0, quorum: 1 } });
    await expect(graph.invoke(seed, createThread({ panel: createPanel("a", "b"), quorum: 5 }))).rejects.toMatchObject({
      details: { reviews: 1, quorum: 2 },
    });
  });

  it("the quorum applies to a reviewed final turn as well", async () => {
    const { graph, startedCalls } = createGraphUnderTest(failReviewers(new Set(["a", "b"])));
    const thread = createThread({ turns: 1, panel, reviewFinalTurn: true });
    await expect(graph.invoke(seed, thread)).rejects.toThrow(QuorumError);
    startedCalls.length = 0;
    await expect(graph.invoke(null, thread)).rejects.toThrow(QuorumError);
    expect(startedCalls).toEqual(["a 1", "b 1"]);
  });
});
