const longestTimer = 2 ** 31 - 1;

/** Lets one caller at a time wait for a time, or for a word that it is worth looking again. */
export class WakeableTimer {
  #wake: (() => void) | null = null;

  /** Resolves after so many milliseconds, `Infinity` included, or with `wake`. Rejects with the signal's reason when that fires. */
  wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        this.#wake = null;
      };
      const abort = () => {
        end();
        reject(signal?.reason);
      };
      this.#wake = () => {
        end();
        resolve();
      };
      const timer = setTimeout(this.#wake, Math.min(milliseconds, longestTimer));
      if (signal?.aborted) abort();
      else signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** Ends the wait, if there is one. */
  wake(): void {
    this.#wake?.();
  }
}
