import { AttemptError } from "./attempt-error.js";

const longestTimer = 2 ** 31 - 1;

/**
 * Runs `work` under a signal that fires when `outer` does, or after `timeoutMs`. Ends at that moment even if `work` does
 * not listen: with the reason of `outer` as it stands, or with an `AttemptError` `model_timeout`.
 */
export async function withTimeout<T>(timeoutMs: number, outer: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  outer?.throwIfAborted();
  const controller = new AbortController();
  const fired = new Promise<never>((_resolve, reject) => {
    controller.signal.addEventListener("abort", () => reject(controller.signal.reason), { once: true });
  });
  const stop = () => controller.abort(outer?.reason);
  const expire = () => controller.abort(new AttemptError("model_timeout", `no reply within ${timeoutMs / 1000} s`, { retryable: true }));
  outer?.addEventListener("abort", stop, { once: true });
  const timer = setTimeout(expire, Math.min(timeoutMs, longestTimer));
  try {
    return await Promise.race([work(controller.signal), fired]);
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener("abort", stop);
  }
}
