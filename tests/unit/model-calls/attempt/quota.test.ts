import { describe, expect, it } from "vitest";

import { toAttemptError } from "../../../../src/model-calls/attempt/classify-error.js";
import { parseWaitInWords } from "../../../../src/model-calls/attempt/quota.js";

interface Rejection {
  readonly status: number;
  readonly message: string;
  readonly code?: string;
  readonly retryAfter?: string;
}

const classify = ({ retryAfter, ...fields }: Rejection) =>
  toAttemptError(
    Object.assign(new Error(fields.message), fields, { headers: retryAfter === undefined ? {} : { "retry-after": retryAfter } }),
    (text) => text,
  );

describe("toAttemptError: quotas", () => {
  it.each<[string, string, Rejection]>([
    ["OpenAI, no credit", "model_insufficient_quota", { status: 429, message: "You exceeded your current quota", code: "insufficient_quota" }],
    ["OpenAI, inactive", "model_insufficient_quota", { status: 429, message: "Your account is not active", code: "billing_not_active" }],
    ["Anthropic, no credit", "model_insufficient_quota", { status: 400, message: "Your credit balance is too low to access the Anthropic API." }],
    ["OpenRouter, free models", "model_quota_exhausted", { status: 429, message: "Rate limit exceeded: free-models-per-day. Add 10 credits" }],
    ["a daily limit", "model_quota_exhausted", { status: 429, message: "Daily request limit reached (RPD)" }],
    [
      "Groq, tokens a day, long wait",
      "model_quota_exhausted",
      { status: 429, message: "Rate limit reached on tokens per day (TPD): Limit 100000. Please try again in 14m38.5s." },
    ],
    ["a wait of hours", "model_quota_exhausted", { status: 429, message: "Too many requests", retryAfter: "25200" }],
    ["a reset at a date", "model_quota_exhausted", { status: 429, message: "Limit reached, resets at 2999-01-01T00:00:00Z" }],
    ["a quota of a day as 403", "model_quota_exhausted", { status: 403, message: "Quota exceeded for quota metric 'Requests' per day" }],
    [
      "OpenAI, tokens a minute",
      "model_rate_limited",
      { status: 429, message: "Rate limit reached for gpt on tokens per min (TPM): try again in 6ms" },
    ],
    ["Gemini, free tier", "model_rate_limited", { status: 429, message: "Quota exceeded for metric: free_tier_requests. Please retry in 31.2s." }],
    ["a plain 429", "model_rate_limited", { status: 429, message: "slow down" }],
    ["a key that may not", "model_unauthorized", { status: 403, message: "No access to this model" }],
  ])("%s is %s", (_name, code, rejection) => {
    expect(classify(rejection).code).toBe(code);
  });

  it.each<[Rejection, boolean | undefined]>([
    [{ status: 429, message: "Daily limit reached", retryAfter: "60" }, true],
    [{ status: 429, message: "free tier limit" }, true],
    [{ status: 429, message: "requests per minute on the free tier" }, undefined],
    [{ status: 429, message: "slow down" }, undefined],
  ])("marks a quota that may be one of a day: %j", (rejection, mayBeDayQuota) => {
    expect(classify(rejection).details).toMatchObject({ retryable: true });
    expect(classify(rejection).details.mayBeDayQuota).toBe(mayBeDayQuota);
  });

  it.each([
    ["Please try again in 14m38.5s. Visit", 878_500],
    ["Please retry in 31.2s.", 31_200],
    ["try again in 2 hours and 5 minutes", 7_500_000],
    ["Please try again in 6ms.", 6],
    ["Your limit resets at 2030-01-01 00:00 UTC", Date.UTC(2030, 0, 1)],
    ["try again later", undefined],
  ])("reads the wait from words: %s", (text, expected) => {
    expect(parseWaitInWords(text, 0)).toBe(expected);
  });
});

describe("toAttemptError: connections that only a person can mend", () => {
  it.each([
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "NODE_EXTRA_CA_CERTS"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "NODE_EXTRA_CA_CERTS"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "NODE_EXTRA_CA_CERTS"],
    ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "NODE_EXTRA_CA_CERTS"],
    ["CERT_HAS_EXPIRED", "expired"],
    ["CERT_NOT_YET_VALID", "clocks"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "host name"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "http://"],
  ])("%s stops at once with advice", (code, advice) => {
    const error = Object.assign(new Error("Connection error."), { cause: Object.assign(new Error("tls"), { code }) });
    expect(toAttemptError(error, (text) => text)).toMatchObject({
      code: "model_invalid_configuration",
      details: { retryable: false, requestNotSent: true, systemCode: code, advice: expect.stringContaining(advice) },
    });
  });

  it.each(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ECONNRESET"])("%s may pass", (code) => {
    const error = Object.assign(new Error("Connection error."), { cause: Object.assign(new Error("net"), { code }) });
    expect(toAttemptError(error, (text) => text)).toMatchObject({ code: "model_unavailable", details: { retryable: true, systemCode: code } });
  });
});
