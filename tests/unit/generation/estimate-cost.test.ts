import { describe, expect, it } from "vitest";

import { planModelCalls } from "../../../src/generation/call-plan.js";
import { estimateConversations } from "../../../src/generation/estimate-cost.js";
import type { PriceTable } from "../../../src/model-calls/budget/prices.js";
import { type ModelRequest, formatCaller } from "../../../src/model-calls/model-call.js";
import { resolveSettings } from "../../../src/state/resolve-settings.js";
import { GenerationMode, Settings, type SettingsInput } from "../../../src/state/settings.js";
import { createGraphUnderTest, createPanel, createThread } from "../../support/graph-under-test.js";
import { formatReview } from "../../support/scripted-models.js";

const price = { inputUsdPerMillion: 1, outputUsdPerMillion: 10 };

interface EstimateOptions {
  readonly count?: number;
  readonly seedChars?: number;
  readonly prices?: PriceTable;
}

const resolve = (settings: SettingsInput) => resolveSettings(Settings.parse(settings));

function estimate(settings: SettingsInput, { count = 1, seedChars = 80, prices = {} }: EstimateOptions = {}) {
  return estimateConversations(resolve(settings), { count, characters: count * seedChars }, prices);
}

/** Returns the numbers from 1 to `last`. */
const range = (last: number) => Array.from({ length: last }, (_, index) => index + 1);
const createReviewers = (count: number) => createPanel(...range(count).map((number) => `reviewer ${number}`));
const createProse = (words: number) => "The moon pulls the nearer water harder than the earth beneath it. ".repeat(Math.ceil(words / 12)).trim();
const countCharacters = (messages: ModelRequest["messages"]) => messages.reduce((sum, message) => sum + message.text.length, 0);

/** Runs the real graph with texts of known length. */
async function runGraph(context: SettingsInput) {
  const texts = { seed: createProse(20), answer: createProse(250), critique: createProse(90), instruction: `${createProse(30)} And what of case 1?` };
  let instructionCount = 0;
  const { graph, requests } = createGraphUnderTest(({ role }) => {
    if (role === "candidate") return { text: texts.answer };
    if (role === "reviewer") return { text: formatReview("negative", texts.critique) };
    return { text: JSON.stringify({ instruction: texts.instruction.replace("1", String(++instructionCount)) }) };
  });
  await graph.invoke({ instruction: texts.seed }, createThread(context));
  const getRequests = (caller: string) => requests.filter((request) => formatCaller(request.caller) === caller);
  return { texts, getRequests };
}

describe("planned calls", () => {
  it("estimateConversations expects T + (T-1)(R+1) calls per conversation, and R more with reviewFinalTurn", () => {
    for (const mode of GenerationMode.options) {
      for (const turns of range(5)) {
        for (const panelSize of range(5)) {
          for (const reviewFinalTurn of [false, true]) {
            const t = mode === "single_turn" ? 1 : turns;
            const r = mode === "multi_review" ? panelSize : mode === "one_review" ? 1 : 0;
            const { calls, items } = estimate({ mode, turns, panel: createReviewers(panelSize), reviewFinalTurn }, { count: 7 });
            expect(calls).toBe(7 * (t + (t - 1) * (r + 1) + (reviewFinalTurn ? r : 0)));
            expect(items).toBe(7);
          }
        }
      }
    }
  });

  it.each(GenerationMode.options)("planModelCalls plans as many calls per caller as the graph makes in mode %s", async (mode) => {
    for (const turns of [1, 2, 4]) {
      for (const reviewFinalTurn of [false, true]) {
        const context = { mode, turns, reviewFinalTurn, panel: createReviewers(3) };
        const { graph, requests } = createGraphUnderTest();
        await graph.invoke({ instruction: "How do tides work?" }, createThread(context));
        const madeCalls = new Map<string, number>();
        for (const { caller } of requests) madeCalls.set(formatCaller(caller), (madeCalls.get(formatCaller(caller)) ?? 0) + 1);
        expect(madeCalls).toEqual(new Map(planModelCalls(resolve(context)).map(({ caller, prompts }) => [formatCaller(caller), prompts.length])));
      }
    }
  });

  it.each(["multi_review", "one_review", "no_review"] as const)("planModelCalls plans the exact prompts of the graph in mode %s", async (mode) => {
    const context = { mode, turns: 4, reviewFinalTurn: true };
    const { texts, getRequests } = await runGraph(context);
    for (const { caller, prompts } of planModelCalls(resolve(context))) {
      const plannedLengths = prompts.map(
        ({ messages, answers, instructions, critiques }) =>
          countCharacters(messages) +
          texts.seed.length +
          answers * texts.answer.length +
          instructions * texts.instruction.length +
          critiques * texts.critique.length,
      );
      const requests = getRequests(formatCaller(caller));
      expect(plannedLengths).toEqual(requests.map(({ messages }) => countCharacters(messages)));
      expect(prompts.map(({ messages }) => messages.length)).toEqual(requests.map(({ messages }) => messages.length));
      expect(prompts.map(({ schema }) => schema)).toEqual(requests.map(({ responseFormat }) => responseFormat));
    }
  });
});

describe("estimateConversations", () => {
  it.each([1, 2, 5])(
    "estimateConversations covers the tokens of real conversations of %d turns at 3.5 to 4.5 characters per token",
    async (turns) => {
      const context = { turns, reviewFinalTurn: true };
      const { texts, getRequests } = await runGraph(context);
      const { callers } = estimate(context, { seedChars: texts.seed.length });
      expect(callers.length).toBeGreaterThan(1);
      for (const charsPerToken of [3.5, 4, 4.5]) {
        for (const { caller, inputTokens, outputTokens } of callers) {
          const requests = getRequests(caller);
          const input = requests.reduce((sum, { messages }) => sum + countCharacters(messages), 0) / charsPerToken;
          expect(input).toBeGreaterThan(inputTokens.low);
          expect(input).toBeLessThan(inputTokens.high);
          if (caller !== "candidate") continue;
          const output = (requests.length * texts.answer.length) / charsPerToken;
          expect(output).toBeGreaterThan(outputTokens.low);
          expect(output).toBeLessThan(outputTokens.high);
        }
      }
    },
  );

  it("estimateConversations grows with turns, word limit, seed length and seed count", () => {
    const base = estimate({ turns: 3 });
    expect(base.inputTokens.low).toBeLessThan(base.inputTokens.high);
    const larger = [estimate({ turns: 4 }), estimate({ wordLimit: 400 }), estimate({}, { seedChars: 500 }), estimate({}, { count: 2 })];
    for (const { inputTokens } of larger) {
      expect(inputTokens.low).toBeGreaterThan(base.inputTokens.low);
      expect(inputTokens.high).toBeGreaterThan(base.inputTokens.high);
    }
  });

  it("estimateConversations never expects more output than maxOutputTokens", () => {
    const { callers } = estimate({ turns: 2, candidate: { maxOutputTokens: 50 }, chairman: { maxOutputTokens: 20 } });
    const getOutput = (name: string) => callers.find(({ caller }) => caller === name)?.outputTokens;
    expect(getOutput("candidate")).toEqual({ low: 100, high: 100 });
    expect(getOutput("chairman")).toEqual({ low: 10, high: 20 });
  });

  it("estimateConversations returns zero for no seeds", () => {
    const none = { low: 0, high: 0 };
    expect(estimateConversations(resolve({}), { count: 0, characters: 0 }, {})).toMatchObject({
      items: 0,
      calls: 0,
      inputTokens: none,
      outputTokens: none,
      usd: none,
    });
  });

  it("estimateConversations prices each caller by its own model, and returns null where a price is missing", () => {
    const settings: SettingsInput = {
      turns: 2,
      model: "openai:a",
      chairman: { model: "openai:b" },
      panel: [...createReviewers(1), { name: "local", focus: "f", model: "offline" }],
    };
    const priced = estimate(settings, { prices: { "openai:a": price, "openai:b": { inputUsdPerMillion: 0, outputUsdPerMillion: 1 } } });
    expect(priced.unpricedModels).toEqual([]);
    for (const { caller, inputTokens, outputTokens, usd } of priced.callers) {
      const [inputPrice, outputPrice] = caller === 'reviewer "local"' ? [0, 0] : caller === "chairman" ? [0, 1] : [1, 10];
      const getCost = (bound: "low" | "high") => (inputTokens[bound] * inputPrice + outputTokens[bound] * outputPrice) / 1e6;
      expect(usd?.low).toBeCloseTo(getCost("low"), 12);
      expect(usd?.high).toBeCloseTo(getCost("high"), 12);
    }
    expect(priced.usd?.high).toBeCloseTo(
      priced.callers.reduce((sum, { usd }) => sum + (usd?.high ?? NaN), 0),
      12,
    );
    const partlyPriced = estimate(settings, { prices: { "openai:a": price } });
    expect(partlyPriced.usd).toBeNull();
    expect(partlyPriced.unpricedModels).toEqual(["openai:b"]);
    expect(partlyPriced.callers.map(({ usd }) => usd === null)).toEqual([false, false, false, true]);
  });

  it("estimateConversations needs no price for a model that is never called", () => {
    const settings: SettingsInput = { mode: "single_turn", model: "openai:a", chairman: { model: "openai:b" } };
    expect(estimate(settings, { prices: { "openai:a": price } }).usd).not.toBeNull();
  });
});
