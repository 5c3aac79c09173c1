import { HumanMessage } from "@langchain/core/messages";
import { describe, expect, it } from "vitest";

import type { ModelCaller } from "../../../../src/errors.js";
import { TokenEstimator } from "../../../../src/model-calls/rate-limit/token-estimator.js";
import { createModelSettings, createRequest } from "../../../support/model-requests.js";

const createTextRequest = (text: string, caller: ModelCaller = { name: "candidate" }) =>
  createRequest("http://127.0.0.1:9/v1", {
    caller,
    messages: [new HumanMessage(text)],
    settings: createModelSettings(null, { maxOutputTokens: 500 }),
  });

describe("TokenEstimator", () => {
  it("starts with a quarter of a token per character and half the output limit", () => {
    expect(new TokenEstimator().estimate(createTextRequest("x".repeat(400)))).toBe(100 + 250);
  });

  it("learns what calls of a caller use, and scales with the prompt", () => {
    const estimator = new TokenEstimator();
    const request = createTextRequest("日".repeat(100));
    for (let index = 0; index < 50; index++) expect(estimator.observe(request, { inputTokens: 120, outputTokens: 60 })).toBe(180);
    expect(estimator.estimate(request)).toBe(180);
    expect(estimator.estimate(createTextRequest("日".repeat(200)))).toBe(300);
  });

  it("learns nothing for a caller of another kind", () => {
    const estimator = new TokenEstimator();
    estimator.observe(createTextRequest("日".repeat(100)), { inputTokens: 120, outputTokens: 60 });
    expect(estimator.estimate(createTextRequest("x".repeat(400), { name: "chairman" }))).toBe(350);
  });

  it("shares what it learned among the callers of a group", () => {
    const estimator = new TokenEstimator();
    estimator.observe(createTextRequest("x".repeat(100), { name: "depth", group: "reviewer" }), { inputTokens: 50, outputTokens: 60 });
    expect(estimator.estimate(createTextRequest("x".repeat(100), { name: "accuracy", group: "reviewer" }))).toBe(110);
  });

  it("follows a change within some dozens of responses", () => {
    const estimator = new TokenEstimator();
    const request = createTextRequest("x".repeat(100));
    for (let index = 0; index < 30; index++) estimator.observe(request, { inputTokens: 25, outputTokens: 100 });
    for (let index = 0; index < 100; index++) estimator.observe(request, { inputTokens: 25, outputTokens: 400 });
    expect(estimator.estimate(request)).toBeGreaterThan(415);
    expect(estimator.estimate(request)).toBeLessThanOrEqual(425);
  });

  it("learns nothing if the endpoint reports no tokens", () => {
    const estimator = new TokenEstimator();
    expect(estimator.observe(createTextRequest("x".repeat(400)), { inputTokens: null, outputTokens: 3 })).toBeNull();
    expect(estimator.estimate(createTextRequest("x".repeat(400)))).toBe(350);
  });
});
