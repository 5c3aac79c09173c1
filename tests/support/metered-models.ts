import type { AttemptError } from "../../src/model-calls/attempt/attempt-error.js";
import type { CallModel, ModelRequest, ModelResponse } from "../../src/model-calls/model-call.js";
import { createConnectionError, createRateLimitError, createTimeoutError } from "./simulated-endpoint.js";

export interface MeteredUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** How a call ends. The server counts all but the rate-limited and the refused one. */
export const callEndings = ["response", "response without usage", "rate limited", "connection refused", "timeout"] as const;
export type CallEnding = (typeof callEndings)[number];

export interface OpenCall {
  readonly request: ModelRequest;
  finish(ending: CallEnding): void;
}

/** Waits until every promise that can settle has settled. */
export async function settlePromises(): Promise<void> {
  for (let round = 0; round < 10; round++) await Promise.resolve();
}

/**
 * Creates models whose calls stay open until the test finishes them, and a server that counts their tokens.
 *
 * @param getUsage Returns what the server counts for a request.
 */
export function createMeteredModels(getUsage: (request: ModelRequest) => MeteredUsage) {
  const openCalls: OpenCall[] = [];
  const counted: { readonly model: string; readonly usage: MeteredUsage }[] = [];
  const count = (request: ModelRequest) => counted.push({ model: request.settings.model, usage: getUsage(request) });

  const callModel: CallModel = (request, config) =>
    new Promise<ModelResponse>((resolve, reject) => {
      const call: OpenCall = {
        request,
        finish: (ending) => {
          openCalls.splice(openCalls.indexOf(call), 1);
          if (ending !== "rate limited" && ending !== "connection refused") count(request);
          const error = createErrors[ending]?.();
          const usage = ending === "response" ? getUsage(request) : { inputTokens: null, outputTokens: null };
          if (error) reject(error);
          else resolve({ text: "Yes.", finishReason: "stop", model: "metered", usage });
        },
      };
      openCalls.push(call);
      config.signal?.addEventListener("abort", () => {
        const index = openCalls.indexOf(call);
        if (index < 0) return;
        // The client disconnects, but the server finishes its work.
        openCalls.splice(index, 1);
        count(request);
        reject(config.signal?.reason);
      });
    });

  return {
    callModel,
    /** Calls that arrived and are not finished, in order of arrival. */
    openCalls,
    /** Finishes the oldest open call and waits for everything that follows from it. */
    async finishNext(ending: CallEnding = "response"): Promise<void> {
      await settlePromises();
      const [next] = openCalls;
      if (!next) throw new Error("no call is open");
      next.finish(ending);
      await settlePromises();
    },
    /** Returns what the server counted, and what it will count if it counts every open call. */
    getMaxCounted: () => [...counted, ...openCalls.map(({ request }) => ({ model: request.settings.model, usage: getUsage(request) }))],
    /** Simulates a kill of the client: open calls are counted, and their results are lost. */
    killClient: () => openCalls.splice(0).forEach(({ request }) => count(request)),
  };
}

const createErrors: Partial<Record<CallEnding, () => AttemptError>> = {
  "rate limited": createRateLimitError,
  "connection refused": createConnectionError,
  timeout: createTimeoutError,
};
