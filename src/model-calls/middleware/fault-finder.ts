import type { RunnableConfig } from "@langchain/core/runnables";
import { LRUCache } from "lru-cache";

import { AttemptError } from "../attempt/attempt-error.js";
import { createEndpointCheck, getEndpointCheckConfig, isEndpointCheck } from "../endpoint-check.js";
import { type CallModel, type DescribeEndpoint, type ModelMiddleware, type ModelRequest, describeBaseUrl } from "../model-call.js";
import { EndpointHistory, type ShapeHistory } from "./endpoint-history.js";

/** Whose fault a rejection is; `unknown` if the check of the endpoint met something else. */
type Fault = "request" | "endpoint" | "unknown";

/** Bounds the memory of a server that accepts settings from its clients. */
const maxHistories = 1_000;
/** Shortest wait after which a rejection counts as one after the wait. */
const minQuotaWaitMs = 5_000;
const settingsAdvice =
  "The endpoint rejects every request with these settings, the smallest one as well: check the model's name, temperature, output limit and further parameters.";
const requestAdvice = "The endpoint accepts other requests with the same key and settings, so this one has the fault.";
const baseUrlAdvice = "Check the base URL: that of most servers ends in /v1.";

/**
 * Creates the middleware that finds out whose fault a rejected attempt is: that of the settings, or of the one request.
 *
 * A fault of the settings gets a code that stops the job. One of the request gets a code that concerns its conversation alone.
 * Where both are possible, and no later request succeeded, the endpoint is asked once with the smallest request of the same
 * settings. It belongs inside the rate limiter and outside the budget.
 */
export function createFaultFinder(describeEndpoint: DescribeEndpoint = describeBaseUrl): ModelMiddleware {
  const histories = new LRUCache<string, EndpointHistory>({ max: maxHistories });

  function getHistory({ settings }: ModelRequest): EndpointHistory {
    const key = JSON.stringify([describeEndpoint(settings), settings.model, settings.apiKeyEnv]);
    const history = histories.get(key) ?? new EndpointHistory();
    histories.set(key, history);
    return history;
  }

  return (next) => async (request, config) => {
    const history = getHistory(request);
    const shape = history.getShape(request);
    const sentAt = performance.now();
    try {
      const response = await next(request, config);
      if (!isEndpointCheck(request)) history.onSuccess(shape, sentAt);
      return response;
    } catch (error) {
      if (!(error instanceof AttemptError) || isEndpointCheck(request)) throw error;
      const settled = settleByHistory(error, history, sentAt);
      history.hasAnswered ||= error.details.status !== undefined;
      if (!isDisputed(settled, history, shape, sentAt)) throw settled;
      const fault = await findFault(next, request, config, shape, settled, sentAt);
      throw withFault(settled, fault === "request" && history.refusedConversations.add(request, config) ? "endpoint" : fault);
    }
  };
}

/** Decides what earlier attempts decide: an unknown host, a quota that waiting does not end. */
function settleByHistory(error: AttemptError, history: EndpointHistory, sentAt: number): AttemptError {
  const { details } = error;
  if (details.systemCode === "ENOTFOUND" && !history.hasAnswered)
    return toPermanentError(error, "model_invalid_configuration", "No such host is known: check the host name in the base URL.");
  if (details.mayBeDayQuota) {
    if (history.quotaWaitEndsAt !== null && sentAt >= history.quotaWaitEndsAt) return toPermanentError(error, "model_quota_exhausted");
    history.quotaWaitEndsAt ??= performance.now() + Math.max(minQuotaWaitMs, details.retryAfterMs ?? 0);
  }
  return error;
}

/** Returns true if a rejection may be the fault of the settings as well as of the request. */
function isDisputed({ code, details }: AttemptError, history: EndpointHistory, shape: ShapeHistory, sentAt: number): boolean {
  if (details.notACompletion && !history.hasSucceeded) {
    // The first one may be chance.
    if (history.unreadableAt !== null && sentAt >= history.unreadableAt) return true;
    history.unreadableAt ??= performance.now();
  }
  if (code === "model_bad_request") return shape.lastSuccessSentAt === null;
  return code === "model_unauthorized" || code === "model_not_found";
}

async function findFault(
  next: CallModel,
  request: ModelRequest,
  config: RunnableConfig,
  shape: ShapeHistory,
  error: AttemptError,
  sentAt: number,
): Promise<Fault> {
  if ((shape.lastSuccessSentAt ?? -Infinity) > sentAt) return "request";
  // One check serves all requests that were sent before it.
  if (!shape.check || shape.check.startedAt < sentAt) {
    const startedAt = performance.now();
    const failure = next(createEndpointCheck(request), getEndpointCheckConfig(config)).then(
      () => null,
      (reason: unknown) => reason,
    );
    shape.check = { startedAt, failure };
  }
  const failure = await shape.check.failure;
  config.signal?.throwIfAborted();
  if (failure === null) return "request";
  return failure instanceof AttemptError && failure.code === error.code ? "endpoint" : "unknown";
}

function withFault(error: AttemptError, fault: Fault): AttemptError {
  const { code, details } = error;
  if (fault === "endpoint") {
    if (details.notACompletion) return toPermanentError(error, "model_invalid_configuration", details.advice ?? baseUrlAdvice);
    return code === "model_bad_request" ? toPermanentError(error, "model_invalid_configuration", settingsAdvice) : error;
  }
  const mayStopJob = code === "model_unauthorized" || code === "model_not_found";
  return fault === "request" && mayStopJob ? toPermanentError(error, "model_request_refused", requestAdvice) : error;
}

function toPermanentError(error: AttemptError, code: AttemptError["code"], advice?: string): AttemptError {
  const details = { ...error.details, retryable: false, ...(advice !== undefined && { advice }) };
  return new AttemptError(code, error.message, details, { cause: error.cause });
}
