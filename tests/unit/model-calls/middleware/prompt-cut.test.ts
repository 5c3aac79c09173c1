import { HumanMessage } from "@langchain/core/messages";
import { describe, expect, it } from "vitest";

import { createPromptCutDetector } from "../../../../src/model-calls/middleware/prompt-cut.js";
import { createModelSettings, createRequest } from "../../../support/model-requests.js";
import { createSimulatedEndpoint } from "../../../support/simulated-endpoint.js";

const english = "The crumb turns firm because the starch sets again once the loaf has cooled down. ".repeat(50);
const chinese = "面包冷却后淀粉重新结晶，所以面包心会变硬。".repeat(100);
const table = `${"-".repeat(20_000)}\n${" ".repeat(20_000)}`;

/** Makes calls whose endpoint reports this number of input tokens. */
async function call(text: string, inputTokens: number | null, models = ["openai:a"]) {
  const warnings: string[] = [];
  const { callModel } = createSimulatedEndpoint(() => ({ latencyMs: 0, usage: { inputTokens, outputTokens: 5 } }));
  const detected = createPromptCutDetector({ onWarning: (message) => warnings.push(message) })(callModel);
  const cut: (boolean | undefined)[] = [];
  for (const model of models) {
    const settings = createModelSettings("http://127.0.0.1:9/v1", { model });
    const response = await detected(createRequest(null, { settings, messages: [new HumanMessage(text)] }), {});
    cut.push(response.promptCut);
  }
  return { warnings, cut };
}

describe("createPromptCutDetector", () => {
  it.each([
    ["English, counted in full", english, 850, undefined],
    ["English with the largest vocabulary", english, 700, undefined],
    ["English, cut at 256 tokens", english, 256, true],
    ["Chinese, counted in full", chinese, 1_400, undefined],
    ["Chinese, cut at 512 tokens", chinese, 512, true],
    ["long runs of one character", table, 300, undefined],
    ["a short prompt", "Why is the sky blue?", 3, undefined],
    ["no count", english, null, undefined],
    ["a count of 0", english, 0, undefined],
  ])("a prompt in %s", async (_, text, inputTokens, expected) => {
    expect((await call(text, inputTokens)).cut).toEqual([expected]);
  });

  it("warns once for each endpoint and model, with what to do", async () => {
    const { warnings, cut } = await call(english, 200, ["openai:a", "openai:a", "openai:b"]);
    expect(cut).toEqual([true, true, true]);
    expect(warnings).toEqual([expect.stringContaining("openai:a at http://127.0.0.1:9/v1"), expect.stringContaining("openai:b at")]);
    expect(warnings[0]).toContain("counted 200 input tokens");
    expect(warnings[0]).toContain("num_ctx");
  });
});
