import { describe, expect, it } from "vitest";

import { toConversationMessages, getTurnsWithMessages } from "../../src/state/conversation.js";
import type { SettingsInput } from "../../src/state/settings.js";
import { createGraphUnderTest, createThread, createPanel } from "../support/graph-under-test.js";
import { type Script, defaultScript, formatReview } from "../support/scripted-models.js";

const seed = { instruction: "How do I bake bread?" };

/** Gives the verdict of each turn; all else is the default. */
function scriptVerdicts(...verdicts: ("positive" | "negative")[]): Script {
  return (request, call) =>
    request.role === "reviewer"
      ? { text: formatReview(verdicts[call.turn - 1] ?? "positive", `Remark on turn ${call.turn}.`) }
      : defaultScript(request, call);
}

async function run(context: SettingsInput | undefined, script?: Script) {
  const { graph, requests, startedCalls } = createGraphUnderTest(script);
  const output = await graph.invoke(seed, createThread(context));
  return { output, requests, startedCalls, turns: output.turns };
}

describe("generation modes", () => {
  it("in multi_review the whole panel reviews every answer but the last, and the verdict decides the direction", async () => {
    const { turns, startedCalls } = await run({ turns: 4, panel: createPanel("a", "b", "c") }, scriptVerdicts("negative", "positive", "negative"));
    expect(turns.map(({ turn, evolution, verdict, reviews }) => [turn, evolution, verdict, reviews.map(({ reviewer }) => reviewer)])).toEqual([
      [1, "seed", "negative", ["a", "b", "c"]],
      [2, "depth", "positive", ["a", "b", "c"]],
      [3, "breadth", "negative", ["a", "b", "c"]],
      [4, "depth", null, []],
    ]);
    expect(startedCalls.slice(0, 5)).toEqual(["candidate 1", "a 1", "b 1", "c 1", "chairman 1"]);
  });

  it("in one_review only the panel's first reviewer reviews", async () => {
    const { turns } = await run({ mode: "one_review", turns: 2, panel: createPanel("a", "b"), quorum: 2 }, scriptVerdicts("negative"));
    expect(turns.map(({ evolution, verdict, reviews }) => [evolution, verdict, reviews.map(({ reviewer }) => reviewer)])).toEqual([
      ["seed", "negative", ["a"]],
      ["depth", null, []],
    ]);
  });

  it("in no_review the chairman continues without reviews", async () => {
    const { turns, startedCalls } = await run({ mode: "no_review", turns: 3 });
    expect(turns.map(({ evolution, verdict, reviews }) => [evolution, verdict, reviews])).toEqual([
      ["seed", null, []],
      ["follow_up", null, []],
      ["follow_up", null, []],
    ]);
    expect(startedCalls).toEqual(["candidate 1", "chairman 1", "candidate 2", "chairman 2", "candidate 3"]);
  });

  it("in single_turn the candidate answers once and nothing else is called", async () => {
    const { turns, startedCalls } = await run({ mode: "single_turn", turns: 5 });
    expect(turns).toHaveLength(1);
    expect(startedCalls).toEqual(["candidate 1"]);
  });

  it.each(["multi_review", "one_review", "no_review", "single_turn"] as const)(
    "in %s user and assistant messages alternate, all plain text",
    async (mode) => {
      const { output } = await run({ mode, turns: 3 });
      const messages = toConversationMessages(output.messages);
      expect(messages.map(({ role }) => role)).toEqual(messages.map((_, index) => (index % 2 === 0 ? "user" : "assistant")));
      expect(messages).toHaveLength(output.messages.length);
      for (const message of output.messages) expect(typeof message.content).toBe("string");
      expect(output.earlyStop).toBeNull();
      expect(getTurnsWithMessages(output).map(({ instruction }) => instruction)).toEqual(
        messages.filter(({ role }) => role === "user").map(({ content }) => content),
      );
    },
  );
});

describe("the number of model calls", () => {
  const sizes = [1, 2, 3, 4, 5];
  const grid = sizes.flatMap((turns) => sizes.map((reviewers) => [turns, reviewers] as const));

  it.each(grid)("a run makes T + (T-1)(R+1) calls for T = %i and R = %i, and R more when the final turn is reviewed", async (turns, reviewers) => {
    const panel = createPanel(...["a", "b", "c", "d", "e"].slice(0, reviewers));
    const unreviewed = await run({ turns, panel });
    expect(unreviewed.startedCalls).toHaveLength(turns + (turns - 1) * (reviewers + 1));
    const reviewed = await run({ turns, panel, reviewFinalTurn: true });
    expect(reviewed.startedCalls).toHaveLength(turns + (turns - 1) * (reviewers + 1) + reviewers);
    expect(reviewed.startedCalls.slice(-reviewers)).toEqual(panel.map(({ name }) => `${name} ${turns}`));
    expect(reviewed.turns.map(({ verdict }) => verdict)).not.toContain(null);
  });

  it("every turn records its calls with caller, model and tokens", async () => {
    const { turns } = await run({ turns: 2, panel: createPanel("a", "b") });
    const usage = { model: "scripted", inputTokens: 10, outputTokens: 5 };
    expect(turns.map(({ calls }) => calls)).toEqual([
      [
        { caller: "candidate", group: "", ...usage },
        { caller: "a", group: "reviewer", ...usage },
        { caller: "b", group: "reviewer", ...usage },
        { caller: "chairman", group: "", ...usage },
      ],
      [{ caller: "candidate", group: "", ...usage }],
    ]);
  });

  it("the final turn is not reviewed in a mode without reviewers", async () => {
    expect((await run({ mode: "no_review", turns: 2, reviewFinalTurn: true })).startedCalls).toEqual(["candidate 1", "chairman 1", "candidate 2"]);
    expect((await run({ mode: "single_turn", reviewFinalTurn: true })).startedCalls).toEqual(["candidate 1"]);
  });
});

describe("settings of a conversation", () => {
  it("a conversation runs without any settings", async () => {
    const { turns, startedCalls } = await run(undefined);
    expect(turns).toHaveLength(3);
    expect(startedCalls).toHaveLength(11);
  });

  it("a conversation can have twenty turns, or a hundred", async () => {
    for (const turns of [20, 100]) expect((await run({ turns, reviewFinalTurn: true })).turns).toHaveLength(turns);
  });

  it("tieBreak decides the direction on a tie", async () => {
    const disagree: Script = (request, call) =>
      request.role === "reviewer"
        ? { text: formatReview(request.reviewer === "a" ? "positive" : "negative", "Hm, it is thin.") }
        : defaultScript(request, call);
    const panel = createPanel("a", "b");
    expect((await run({ turns: 2, panel, tieBreak: "breadth" }, disagree)).turns[1]?.evolution).toBe("breadth");
    expect((await run({ turns: 2, panel, tieBreak: "depth" }, disagree)).turns[1]?.evolution).toBe("depth");
  });

  it("a custom evolution policy decides the direction", async () => {
    const { graph } = createGraphUnderTest(scriptVerdicts("positive", "positive"), ({ turn }) => (turn === 1 ? "depth" : "follow_up"));
    const { turns } = await graph.invoke(seed, createThread({ turns: 3 }));
    expect(turns.map(({ evolution, verdict }) => [evolution, verdict])).toEqual([
      ["seed", "positive"],
      ["depth", "positive"],
      ["follow_up", null],
    ]);
  });
});
