import { describe, expect, it } from "vitest";

import { planModelCalls } from "../../../src/generation/call-plan.js";
import { type JobOptions, estimateJob } from "../../../src/generation/estimate-cost.js";
import type { ModelRequest } from "../../../src/model-calls/model-call.js";
import { GenerationMode, Settings, type SettingsInput } from "../../../src/state/settings.js";
import { createGraphUnderTest, createThread, getPanelNamespace } from "../../support/graph-under-test.js";
import { formatReview } from "../../support/scripted-models.js";

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);
const reviewersOf = (count: number) => getPanelNamespace(...upTo(count).map((number) => `reviewer ${number}`));
const price = { inputUsdPerMillion: 1, outputUsdPerMillion: 10 };

function estimate(settings: SettingsInput, options: Partial<JobOptions> = {}) {
  return estimateJob({ conversations: 1, settings: Settings.parse(settings), prices: {}, seedChars: 80, ...options });
}

const callsOf = (settings: Settings) => planModelCalls(settings).map(({ role, reviewer, prompts }) => [reviewer ?? role, prompts.length]);

describe("planModelCalls", () => {
  it("is T + (T-1)(R+1), and R more where the final turn is reviewed", () => {
    for (const mode of GenerationMode.options) {
      for (const turns of upTo(5)) {
        for (const panel of upTo(5)) {
          for (const reviewFinalTurn of [false, true]) {
            const t = mode === "single_turn" ? 1 : turns;
            const r = mode === "multi_review" ? panel : mode === "one_review" ? 1 : 0;
            const { calls } = estimate({ mode, turns, panel: reviewersOf(panel), reviewFinalTurn }, { conversations: 7 });
            expect(calls).toBe(7 * (t + (t - 1) * (r + 1) + (reviewFinalTurn ? r : 0)));
          }
        }
      }
    }
  });

  it.each(GenerationMode.options)("is what the graph really calls, role by role: %s", async (mode) => {
    for (const turns of [1, 2, 4]) {
      for (const reviewFinalTurn of [false, true]) {
        const context = { mode, turns, reviewFinalTurn, panel: reviewersOf(3) };
        const { graph, requests } = createGraphUnderTest();
        await graph.invoke({ instruction: "How do tides work?" }, createThread(context));
        const called = new Map<string, number>();
        for (const { role, reviewer } of requests) called.set(reviewer ?? role, (called.get(reviewer ?? role) ?? 0) + 1);
        expect(called).toEqual(new Map(callsOf(Settings.parse(context)).map(([name, calls]) => [String(name), Number(calls)])));
      }
    }
  });
});

/** Runs the real graph with texts of known length. */
async function realRequests(context: SettingsInput) {
  const texts = { seed: prose(20), answer: prose(250), critique: prose(90), instruction: `${prose(30)} And what of case 1?` };
  let asked = 0;
  const { graph, requests } = createGraphUnderTest(({ role }) => {
    if (role === "candidate") return { text: texts.answer };
    if (role === "reviewer") return { text: formatReview("negative", texts.critique) };
    return { text: JSON.stringify({ instruction: texts.instruction.replace("1", String(++asked)) }) };
  });
  await graph.invoke({ instruction: texts.seed }, createThread(context));
  const of = (role: string, reviewer?: string) => requests.filter((request) => request.role === role && request.reviewer === reviewer);
  return { texts, of };
}

function prose(words: number): string {
  return "The moon pulls the nearer water harder than the earth beneath it. ".repeat(Math.ceil(words / 12)).trim();
}

const charsOf = (messages: ModelRequest["messages"]) => messages.reduce((sum, message) => sum + message.text.length, 0);

describe("planned prompts", () => {
  it.each(["multi_review", "one_review", "no_review"] as const)("are the real ones to the character: %s", async (mode) => {
    const context = { mode, turns: 4, reviewFinalTurn: true };
    const { texts, of } = await realRequests(context);
    for (const { role, reviewer, prompts } of planModelCalls(Settings.parse(context))) {
      const planned = prompts.map(
        ({ messages, answers, instructions, critiques }) =>
          charsOf(messages) +
          texts.seed.length +
          answers * texts.answer.length +
          instructions * texts.instruction.length +
          critiques * texts.critique.length,
      );
      const real = of(role, reviewer);
      expect(planned).toEqual(real.map(({ messages }) => charsOf(messages)));
      expect(prompts.map(({ messages }) => messages.length)).toEqual(real.map(({ messages }) => messages.length));
      expect(prompts.map(({ schema }) => schema)).toEqual(real.map(({ responseFormat }) => responseFormat));
    }
  });
});

describe("estimateJob", () => {
  it.each([1, 2, 5])("has what real prompts of %d turns take within its range, at any usual rate of characters a token", async (turns) => {
    const context = { turns, reviewFinalTurn: true };
    const { texts, of } = await realRequests(context);
    const { roles } = estimate(context, { seedChars: texts.seed.length });
    for (const charsPerToken of [3.5, 4, 4.5]) {
      for (const { role, reviewer, inputTokens, outputTokens } of roles) {
        const own = of(role, reviewer);
        const input = own.reduce((sum, { messages }) => sum + charsOf(messages), 0) / charsPerToken;
        expect(input).toBeGreaterThan(inputTokens.low);
        expect(input).toBeLessThan(inputTokens.high);
        if (role !== "candidate") continue;
        const output = (own.length * texts.answer.length) / charsPerToken;
        expect(output).toBeGreaterThan(outputTokens.low);
        expect(output).toBeLessThan(outputTokens.high);
      }
    }
  });

  it("grows with turns, word limit and seed, and never expects more output than the limit allows", () => {
    const base = estimate({ turns: 3 });
    expect(base.inputTokens.low).toBeLessThan(base.inputTokens.high);
    const grown = [estimate({ turns: 4 }), estimate({ wordLimit: 400 }), estimate({}, { seedChars: 500 }), estimate({}, { conversations: 2 })];
    for (const { inputTokens } of grown) {
      expect(inputTokens.low).toBeGreaterThan(base.inputTokens.low);
      expect(inputTokens.high).toBeGreaterThan(base.inputTokens.high);
    }
    const limited = estimate({ turns: 2, candidate: { maxOutputTokens: 50 }, chairman: { maxOutputTokens: 20 } });
    const output = (role: string) => limited.roles.find((estimated) => estimated.role === role)?.outputTokens;
    expect(output("candidate")).toEqual({ low: 100, high: 100 });
    expect(output("chairman")).toEqual({ low: 10, high: 20 });
  });

  it("costs each role by its own model, and is null where one has no price", () => {
    const settings: SettingsInput = {
      turns: 2,
      model: "openai:a",
      chairman: { model: "openai:b" },
      panel: [...reviewersOf(1), { name: "rehearsal", focus: "f", model: "offline" }],
    };
    const priced = estimate(settings, { prices: { "openai:a": price, "openai:b": { inputUsdPerMillion: 0, outputUsdPerMillion: 1 } } });
    expect(priced.unpricedModels).toEqual([]);
    for (const { role, reviewer, inputTokens, outputTokens, usd } of priced.roles) {
      const at = (input: number, output: number) => (bound: "low" | "high") => (inputTokens[bound] * input + outputTokens[bound] * output) / 1e6;
      const cost = reviewer === "rehearsal" ? at(0, 0) : role === "chairman" ? at(0, 1) : at(1, 10);
      expect(usd?.low).toBeCloseTo(cost("low"), 12);
      expect(usd?.high).toBeCloseTo(cost("high"), 12);
    }
    expect(priced.usd?.high).toBeCloseTo(
      priced.roles.reduce((sum, { usd }) => sum + (usd?.high ?? NaN), 0),
      12,
    );
    const partly = estimate(settings, { prices: { "openai:a": price } });
    expect(partly.usd).toBeNull();
    expect(partly.unpricedModels).toEqual(["openai:b"]);
    expect(partly.roles.map(({ usd }) => usd === null)).toEqual([false, false, false, true]);
    // A model that is never called needs no price.
    expect(estimate({ ...settings, mode: "single_turn" }, { prices: { "openai:a": price } }).usd).not.toBeNull();
  });
});
