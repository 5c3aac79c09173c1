import { describe, expect, it } from "vitest";

import { toConversationMessages, getTurnsWithMessages } from "../../src/state/conversation.js";
import type { SettingsInput } from "../../src/state/settings.js";
import { createGraphUnderTest, createThread, createPanel } from "../support/graph-under-test.js";
import { type Script, defaultScript, formatReview } from "../support/scripted-models.js";

const seed = { instruction: "How do I bake bread?" };

/** Verdicts by turn; everything else plain. */
function ruling(...verdicts: ("positive" | "negative")[]): Script {
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

describe("a mode", () => {
  it("multi_review: the whole panel rules on every answer but the last, and the verdict gives the direction", async () => {
    const { turns, startedCalls } = await run({ turns: 4, panel: createPanel("a", "b", "c") }, ruling("negative", "positive", "negative"));
    expect(turns.map(({ turn, evolution, verdict, reviews }) => [turn, evolution, verdict, reviews.map(({ reviewer }) => reviewer)])).toEqual([
      [1, "seed", "negative", ["a", "b", "c"]],
      [2, "depth", "positive", ["a", "b", "c"]],
      [3, "breadth", "negative", ["a", "b", "c"]],
      [4, "depth", null, []],
    ]);
    expect(startedCalls.slice(0, 5)).toEqual(["candidate 1", "a 1", "b 1", "c 1", "chairman 1"]);
  });

  it("one_review: the panel's first reviewer rules alone", async () => {
    const { turns } = await run({ mode: "one_review", turns: 2, panel: createPanel("a", "b"), quorum: 2 }, ruling("negative"));
    expect(turns.map(({ evolution, verdict, reviews }) => [evolution, verdict, reviews.map(({ reviewer }) => reviewer)])).toEqual([
      ["seed", "negative", ["a"]],
      ["depth", null, []],
    ]);
  });

  it("no_review: the chairman asks on without reviews", async () => {
    const { turns, startedCalls } = await run({ mode: "no_review", turns: 3 });
    expect(turns.map(({ evolution, verdict, reviews }) => [evolution, verdict, reviews])).toEqual([
      ["seed", null, []],
      ["follow_up", null, []],
      ["follow_up", null, []],
    ]);
    expect(startedCalls).toEqual(["candidate 1", "chairman 1", "candidate 2", "chairman 2", "candidate 3"]);
  });

  it("single_turn: one answer and nothing else", async () => {
    const { turns, startedCalls } = await run({ mode: "single_turn", turns: 5 });
    expect(turns).toHaveLength(1);
    expect(startedCalls).toEqual(["candidate 1"]);
  });

  it.each(["multi_review", "one_review", "no_review", "single_turn"] as const)("%s: user and assistant alternate, in plain text", async (mode) => {
    const { output } = await run({ mode, turns: 3 });
    const lines = toConversationMessages(output.messages);
    expect(lines.map(({ role }) => role)).toEqual(lines.map((_, index) => (index % 2 === 0 ? "user" : "assistant")));
    expect(lines).toHaveLength(output.messages.length);
    for (const message of output.messages) expect(typeof message.content).toBe("string");
    expect(output.earlyStop).toBeNull();
    expect(getTurnsWithMessages(output).map(({ instruction }) => instruction)).toEqual(
      lines.filter(({ role }) => role === "user").map(({ content }) => content),
    );
  });
});

describe("the number of calls", () => {
  const sizes = [1, 2, 3, 4, 5];
  const grid = sizes.flatMap((turns) => sizes.map((reviewers) => [turns, reviewers] as const));

  it.each(grid)("is T + (T-1)(R+1) for T = %i, R = %i, and R more when the final turn is reviewed", async (turns, reviewers) => {
    const panel = createPanel(...["a", "b", "c", "d", "e"].slice(0, reviewers));
    const plain = await run({ turns, panel });
    expect(plain.startedCalls).toHaveLength(turns + (turns - 1) * (reviewers + 1));
    const reviewed = await run({ turns, panel, reviewFinalTurn: true });
    expect(reviewed.startedCalls).toHaveLength(turns + (turns - 1) * (reviewers + 1) + reviewers);
    expect(reviewed.startedCalls.slice(-reviewers)).toEqual(panel.map(({ name }) => `${name} ${turns}`));
    expect(reviewed.turns.map(({ verdict }) => verdict)).not.toContain(null);
  });

  it("is kept on record turn by turn, with model and tokens", async () => {
    const { turns } = await run({ turns: 2, panel: createPanel("a", "b") });
    const usage = { model: "scripted", inputTokens: 10, outputTokens: 5 };
    expect(turns.map(({ calls }) => calls)).toEqual([
      [
        { role: "candidate", ...usage },
        { caller: { name: "a", group: "reviewer" }, ...usage },
        { caller: { name: "b", group: "reviewer" }, ...usage },
        { role: "chairman", ...usage },
      ],
      [{ role: "candidate", ...usage }],
    ]);
  });

  it("reviews no final turn where nobody reviews", async () => {
    expect((await run({ mode: "no_review", turns: 2, reviewFinalTurn: true })).startedCalls).toEqual(["candidate 1", "chairman 1", "candidate 2"]);
    expect((await run({ mode: "single_turn", reviewFinalTurn: true })).startedCalls).toEqual(["candidate 1"]);
  });
});

describe("a conversation", () => {
  it("needs no settings at all", async () => {
    const { turns, startedCalls } = await run(undefined);
    expect(turns).toHaveLength(3);
    expect(startedCalls).toHaveLength(11);
  });

  it("may have twenty turns, or a hundred", async () => {
    for (const turns of [20, 100]) expect((await run({ turns, reviewFinalTurn: true })).turns).toHaveLength(turns);
  });

  it("breaks a tie as it is told", async () => {
    const split: Script = (request, call) =>
      request.role === "reviewer" ? { text: formatReview(request.reviewer === "a" ? "positive" : "negative", "Hm.") } : defaultScript(request, call);
    const panel = createPanel("a", "b");
    expect((await run({ turns: 2, panel, tieBreak: "breadth" }, split)).turns[1]?.evolution).toBe("breadth");
    expect((await run({ turns: 2, panel, tieBreak: "depth" }, split)).turns[1]?.evolution).toBe("depth");
  });

  it("follows a policy of one's own", async () => {
    const { graph } = createGraphUnderTest(ruling("positive", "positive"), ({ turn }) => (turn === 1 ? "depth" : "follow_up"));
    const { turns } = await graph.invoke(seed, createThread({ turns: 3 }));
    expect(turns.map(({ evolution, verdict }) => [evolution, verdict])).toEqual([
      ["seed", "positive"],
      ["depth", "positive"],
      ["follow_up", null],
    ]);
  });
});
