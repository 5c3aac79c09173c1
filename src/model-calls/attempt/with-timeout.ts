import { AttemptError } from "./attempt-error.js";

/** Longest delay that `setTimeout` accepts, in milliseconds. A longer one fires at once. */
export const maxTimerMs = 2 ** 31 - 1;

/**
 * Runs work that must end when a signal aborts or a time is over, even if the work ignores the signal it is given.
 *
 * @param signal The caller's signal.
 * @param run Gets a signal that aborts in both cases.
 * @throws {AttemptError} `model_timeout` after `timeoutMs`; if the signal aborts, its reason.
 */
export async function withTimeout<T>(timeoutMs: number, signal: AbortSignal | undefined, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    controller.signal.addEventListener("abort", () => reject(controller.signal.reason), { once: true });
  });
  const onAbort = () => controller.abort(signal?.reason);
  const onTimeout = () => controller.abort(new AttemptError("model_timeout", `no response within ${timeoutMs / 1000} s`, { retryable: true }));
  signal?.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(onTimeout, Math.min(timeoutMs, maxTimerMs));
  try {
    return await Promise.race([run(controller.signal), aborted]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}
