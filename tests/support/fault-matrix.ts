import type { ChatResponse, FailedResponse } from "./openai-server.js";

/**
 * What a fault leads to: `retried`: nothing but another attempt; `request`: the conversation fails alone, its reviewer abstains;
 * `job`: the job stops, to be continued.
 */
export type FaultClass = "retried" | "request" | "job";

/** One fault and its expected outcome in each situation. */
export interface Fault {
  readonly name: string;
  readonly response: FailedResponse | ChatResponse;
  /** Only the requests of one conversation meet it, and always. */
  readonly bound: FaultClass;
  /** Every request meets it, from the first on. */
  readonly everywhere: FaultClass;
  /** A single attempt meets it, after successful ones. */
  readonly once: FaultClass;
  /** The same for a request with a JSON schema, which is sent again without it. Default: as `once`. */
  readonly onceWithSchema?: FaultClass;
  /** A response came that cannot be used, so the chairman ends the conversation early instead of failing it. */
  readonly isUnusable?: boolean;
  /** What the error must say if the job stops. */
  readonly says?: string;
}

const error = (message: string, fields: object = {}) => ({ error: { message, ...fields } });

/** Expected outcomes, written down before the code. Each holds for every role, as first or later call, streamed or not. */
export const faults: readonly Fault[] = [
  { ...fault("400, a parameter", 400, error("Unsupported parameter: min_p"), "request", "job", "request", "min_p"), onceWithSchema: "retried" },
  fault("400, a content filter", 400, error("filtered", { code: "content_filter" }), "request", "request", "request"),
  fault("400, no credit", 400, error("Your credit balance is too low to access the API"), "job", "job", "job", "out of credit"),
  fault("401", 401, error("invalid key"), "request", "job", "request", "invalid key"),
  fault("402", 402, error("Payment required"), "job", "job", "job", "out of credit"),
  fault("403", 403, error("not for you"), "request", "job", "request", "not for you"),
  fault("403, flagged", 403, error("your input was flagged"), "request", "request", "request"),
  fault("403, a quota of the day", 403, error("daily quota exceeded"), "job", "job", "job", "used up for now"),
  fault("404", 404, error("no such model"), "request", "job", "request", "no such model"),
  { ...fault("405", 405, "", "request", "job", "request", "base URL"), onceWithSchema: "retried" },
  fault("408", 408, error("too slow"), "request", "job", "retried", "too slow"),
  {
    ...fault("422", 422, { detail: [{ msg: "extra fields not permitted" }] }, "request", "job", "request", "extra fields"),
    onceWithSchema: "retried",
  },
  fault("429", 429, error("slow down"), "request", "request", "retried"),
  fault("429, no credit", 429, error("quota", { code: "insufficient_quota" }), "job", "job", "job", "out of credit"),
  fault("429, an inactive account", 429, error("inactive", { code: "billing_not_active" }), "job", "job", "job", "out of credit"),
  fault("429, a quota of the day", 429, error("Rate limit exceeded: free-models-per-day"), "job", "job", "job", "free-models-per-day"),
  {
    ...fault("429, for hours", 429, error("come back later"), "job", "job", "job", "come back later"),
    response: { status: 429, headers: { "retry-after": "36000" }, body: error("come back later") },
  },
  fault("451", 451, error("flagged"), "request", "request", "request"),
  fault("500", 500, error("CUDA error"), "request", "job", "retried", "CUDA error"),
  fault("502", 502, "<html>Bad Gateway</html>", "request", "job", "retried", "Bad Gateway"),
  fault("503", 503, error("loading model"), "request", "job", "retried", "loading model"),
  fault("504", 504, "", "request", "job", "retried", "504"),
  fault("529", 529, error("overloaded"), "request", "job", "retried", "overloaded"),
  fault("a web page with 200", 200, "<!doctype html><p>Sign in</p>", "request", "job", "retried", "Sign in"),
  fault("an error text with 200", 200, { error: "Unexpected endpoint" }, "request", "job", "retried", "Unexpected endpoint"),
  fault("no credit with 200", 200, error("Insufficient credits", { code: 402 }), "job", "job", "job", "out of credit"),
  fault("an overload with 200", 200, error("overloaded", { code: 503 }), "request", "job", "retried", "overloaded"),
  { name: "a connection reset", response: { reset: true }, bound: "request", everywhere: "job", once: "retried", says: "connection failed" },
  ...["error", "network_error", "tool_calls", "weird"].map((finishReason): Fault => ({
    name: `the finish reason ${finishReason}`,
    response: { finishReason },
    bound: "request",
    everywhere: "job",
    once: "retried",
  })),
  ...["length", "max_tokens"].map((finishReason): Fault => ({
    name: `the finish reason ${finishReason}`,
    response: { finishReason },
    bound: "request",
    everywhere: "request",
    once: "retried",
    isUnusable: true,
  })),
  ...["content_filter", "SAFETY"].map((finishReason): Fault => ({
    name: `the finish reason ${finishReason}`,
    response: { finishReason },
    bound: "request",
    everywhere: "request",
    once: "request",
    isUnusable: true,
  })),
  { name: "a broken body", response: { reset: "body" }, bound: "request", everywhere: "job", once: "retried" },
];

function fault(name: string, status: number, body: unknown, bound: FaultClass, everywhere: FaultClass, once: FaultClass, says?: string): Fault {
  return { name, response: { status, body }, bound, everywhere, once, ...(says !== undefined && { says }) };
}
