import { maxTimerMs } from "../attempt/with-timeout.js";

/** A timer that one caller at a time can wait for, and that can be ended early. */
export class WakeableTimer {
  #wake: (() => void) | null = null;

  /**
   * Waits for a time, which may be `Infinity`, or until `wake` is called.
   *
   * @throws The signal's reason, if it aborts.
   */
  wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const cleanUp = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        this.#wake = null;
      };
      const onAbort = () => {
        cleanUp();
        reject(signal?.reason);
      };
      this.#wake = () => {
        cleanUp();
        resolve();
      };
      const timer = setTimeout(this.#wake, Math.min(milliseconds, maxTimerMs));
      if (signal?.aborted) onAbort();
      else signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Ends the wait early, if there is one. */
  wake(): void {
    this.#wake?.();
  }
}
