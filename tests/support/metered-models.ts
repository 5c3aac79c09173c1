import { AttemptError } from "../../src/model-calls/attempt/attempt-error.js";
import type { CallModel, ModelResponse, ModelRequest } from "../../src/model-calls/model-call.js";

export interface Metered {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** How a call ends. All but the middle two are counted by the server. */
export type Outcome = "reply" | "reply without usage" | "busy" | "refused connection" | "timeout";
export const outcomes: readonly Outcome[] = ["reply", "reply without usage", "busy", "refused connection", "timeout"];

export interface OpenMeteredCall {
  readonly request: ModelRequest;
  finish(outcome: Outcome): void;
}

/** Lets every promise that can settle do so. */
export async function drained(): Promise<void> {
  for (let round = 0; round < 10; round++) await Promise.resolve();
}

/** Models that keep every call open until they are told to finish it, and count tokens by themselves: `toCallUsage` a request. */
export function meteredModels(toCallUsage: (request: ModelRequest) => Metered) {
  const open: OpenMeteredCall[] = [];
  const counted: { readonly model: string; readonly usage: Metered }[] = [];
  const count = (request: ModelRequest) => counted.push({ model: request.settings.model, usage: toCallUsage(request) });

  const access: CallModel = (request, config) =>
    new Promise<ModelResponse>((resolve, reject) => {
      const answer = (usage: ModelResponse["usage"]): ModelResponse => ({ text: "Yes.", finishReason: "stop", model: "metered", usage });
      const call: OpenMeteredCall = {
        request,
        finish: (outcome) => {
          open.splice(open.indexOf(call), 1);
          const failure = failures[outcome];
          if (outcome !== "busy" && outcome !== "refused connection") count(request);
          if (failure) reject(failure());
          else resolve(answer(outcome === "reply" ? toCallUsage(request) : { inputTokens: null, outputTokens: null }));
        },
      };
      open.push(call);
      config.signal?.addEventListener("abort", () => {
        const at = open.indexOf(call);
        if (at < 0) return;
        // The client has gone; the server works on.
        open.splice(at, 1);
        count(request);
        reject(config.signal?.reason);
      });
    });

  return {
    access,
    /** Calls that arrived and are not finished, in order of arrival. */
    open,
    /** Finishes the call that arrived first, and lets everyone know. */
    async finishNext(outcome: Outcome = "reply"): Promise<void> {
      await drained();
      const [next] = open;
      if (!next) throw new Error("no call is open");
      next.finish(outcome);
      await drained();
    },
    /** What was counted so far, and what will be if every open call is counted too. */
    mostCounted: () => [...counted, ...open.map(({ request }) => ({ model: request.settings.model, usage: toCallUsage(request) }))],
    /** The client's process is gone: open calls are counted, and nobody hears of it. */
    abandon: () => open.splice(0).forEach(({ request }) => count(request)),
  };
}

const failures: Partial<Record<Outcome, () => AttemptError>> = {
  busy: () => new AttemptError("model_rate_limited", "HTTP 429: slow down", { retryable: true, status: 429 }),
  "refused connection": () => {
    const cause = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED", syscall: "connect" });
    return new AttemptError("model_unavailable", "the connection failed", { retryable: true }, { cause });
  },
  timeout: () => new AttemptError("model_timeout", "no reply within 1 s", { retryable: true }),
};
