import { HumanMessage } from "@langchain/core/messages";
import { describe, expect, it } from "vitest";

import { TokenEstimator } from "../../../../src/model-calls/rate-limit/token-estimator.js";
import { requestTo, settingsFor } from "../../../support/model-requests.js";

const ask = (text: string, caller: { name: "candidate" } | "reviewer" = "candidate") =>
  requestTo("http://127.0.0.1:9/v1", { role, messages: [new HumanMessage(text)], settings: settingsFor(null, { maxOutputTokens: 500 }) });

describe("TokenEstimator", () => {
  it("begins with a quarter of a token a character and half the output limit", () => {
    expect(new TokenEstimator().estimate(ask("x".repeat(400)))).toBe(100 + 250);
  });

  it("follows what calls of a role really took, and scales with the prompt", () => {
    const estimate = new TokenEstimator();
    const request = ask("日".repeat(100));
    for (let index = 0; index < 50; index++) expect(estimate.observe(request, { inputTokens: 120, outputTokens: 60 })).toBe(180);
    expect(estimate.estimate(request)).toBe(180);
    expect(estimate.estimate(ask("日".repeat(200)))).toBe(300);
    expect(estimate.estimate(ask("x".repeat(400), "reviewer"))).toBe(350);
  });

  it("moves with the times", () => {
    const estimate = new TokenEstimator();
    const request = ask("x".repeat(100));
    for (let index = 0; index < 30; index++) estimate.observe(request, { inputTokens: 25, outputTokens: 100 });
    for (let index = 0; index < 100; index++) estimate.observe(request, { inputTokens: 25, outputTokens: 400 });
    expect(estimate.estimate(request)).toBeGreaterThan(415);
    expect(estimate.estimate(request)).toBeLessThanOrEqual(425);
  });

  it("learns nothing where the endpoint does not say", () => {
    const estimate = new TokenEstimator();
    expect(estimate.observe(ask("x".repeat(400)), { inputTokens: null, outputTokens: 3 })).toBeNull();
    expect(estimate.estimate(ask("x".repeat(400)))).toBe(350);
  });
});
