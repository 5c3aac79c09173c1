import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { AttemptError, type AttemptErrorDetails } from "../../../../src/model-calls/attempt/attempt-error.js";
import { isEndpointCheck } from "../../../../src/model-calls/endpoint-check.js";
import { createFaultFinder } from "../../../../src/model-calls/middleware/fault-finder.js";
import type { ModelCallCode } from "../../../../src/errors.js";
import { getRejection } from "../../../support/get-rejection.js";
import { createRequest } from "../../../support/model-requests.js";
import { advanceTime, callMany } from "../../../support/rate-limited-calls.js";
import { createSimulatedEndpoint } from "../../../support/simulated-endpoint.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const createError = (code: ModelCallCode, details: Partial<AttemptErrorDetails> = {}) =>
  new AttemptError(code, code, { retryable: false, ...details });

/** Creates an endpoint that answers with these errors in turn, null for a success; its last answer is repeated. */
function createSequence(...errors: (AttemptError | null)[]) {
  const { callModel, log } = createSimulatedEndpoint(({ index }) => ({ error: errors[Math.min(index, errors.length - 1)] ?? undefined }));
  const found = createFaultFinder()(callModel);
  const call = async (): Promise<string> => {
    const results = callMany(found, 1);
    await advanceTime(200);
    const [result] = results;
    return result instanceof AttemptError ? result.code : String(result);
  };
  return { call, log, getChecks: () => log.calls.filter(({ request }) => isEndpointCheck(request)).length };
}

describe("createFaultFinder", () => {
  it("asks the endpoint once for many requests that were rejected at the same time", async () => {
    const { callModel, log } = createSimulatedEndpoint(() => ({ error: createError("model_bad_request", { status: 400 }) }));
    const results = callMany(createFaultFinder()(callModel), 30);
    await advanceTime(200);
    expect(results.map((result) => (result instanceof AttemptError ? result.code : result))).toEqual(Array(30).fill("model_invalid_configuration"));
    expect(log.calls).toHaveLength(31);
  });

  it("asks nothing where settings worked before, or a later request succeeded", async () => {
    const rejected = createError("model_bad_request", { status: 400 });
    const { call, getChecks } = createSequence(null, rejected);
    await call();
    expect(await call()).toBe("model_bad_request");
    expect(getChecks()).toBe(0);
  });

  it("sends no text of a conversation in its own request, and never streams it", async () => {
    const configs: unknown[] = [];
    const found = createFaultFinder()(async (request, config) => {
      if (!isEndpointCheck(request)) throw createError("model_unauthorized", { status: 403 });
      configs.push(config);
      expect(JSON.stringify(request.messages)).not.toContain("sky");
      return { text: "OK", finishReason: "stop", usage: { inputTokens: 1, outputTokens: 1 }, model: "m" };
    });
    expect(await getRejection(found(createRequest("http://127.0.0.1:9/v1"), { tags: ["mine"] }))).toMatchObject({ code: "model_request_refused" });
    expect(configs).toMatchObject([{ tags: ["mine", "nostream", "langsmith:nostream"], runName: "endpoint check" }]);
  });

  it("keeps the code if the endpoint meets something else", async () => {
    const { call } = createSequence(createError("model_unauthorized", { status: 403 }), createError("model_timeout", { retryable: true }));
    expect(await call()).toBe("model_unauthorized");
  });

  it("takes a second refusal after the wait for a quota of a day", async () => {
    const refused = createError("model_rate_limited", { status: 429, retryable: true, retryAfterMs: 10_000, mayBeDayQuota: true });
    const { call } = createSequence(refused);
    expect([await call(), await call()]).toEqual(["model_rate_limited", "model_rate_limited"]);
    await advanceTime(10_000);
    expect(await call()).toBe("model_quota_exhausted");
  });

  it("takes an unknown host for a wrong setting, but not once it has answered", async () => {
    const unknown = createError("model_unavailable", { retryable: true, systemCode: "ENOTFOUND" });
    expect(await createSequence(unknown).call()).toBe("model_invalid_configuration");
    const { call } = createSequence(null, unknown);
    await call();
    expect(await call()).toBe("model_unavailable");
  });

  it("stops after twenty conversations that were refused in a row", async () => {
    const { callModel } = createSimulatedEndpoint(({ request }) =>
      isEndpointCheck(request) ? {} : { error: createError("model_unauthorized", { status: 403 }) },
    );
    const found = createFaultFinder()(callModel);
    const codes: string[] = [];
    for (let index = 0; index < 25; index++) {
      const results = callMany(found, 1);
      await advanceTime(200);
      codes.push(results[0] instanceof AttemptError ? results[0].code : "");
    }
    expect(codes).toEqual([...Array<string>(20).fill("model_request_refused"), ...Array<string>(5).fill("model_unauthorized")]);
  });
});
