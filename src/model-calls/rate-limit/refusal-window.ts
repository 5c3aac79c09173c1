/** So many refusals of calls that were sent one after the other are no chance. */
const maxConsecutive = 5;
/** Number of calls sent last that count. */
const windowSize = 40;
/** Minimum number of refusals among those that is no chance. */
const minInWindow = 10;

/** One call, from when it is sent. */
export interface SentCall {
  readonly sentAt: number;
  isRefused: boolean;
}

/**
 * Tells refusals by chance (429) from a rate limit: where refusals are the rule, calls are too many.
 *
 * Some endpoints refuse one call in ten at random. Such a call waits by itself; a pause for all would cost far more. Refusals
 * are the rule if they meet several calls in a row, a quarter of those sent last, or go on after the endpoint's pause. Calls
 * count in the order in which they were sent, as refusals arrive much sooner than responses.
 */
export class RefusalWindow {
  readonly #sent: SentCall[] = [];
  /** True from the first pause until a call that was sent after it succeeds. */
  #isRule = false;
  #ruleSince = -Infinity;
  #longestWaitUntil = -Infinity;

  /** Records that a call is sent. */
  onSent(now: number): SentCall {
    const call = { sentAt: now, isRefused: false };
    if (this.#sent.push(call) > windowSize) this.#sent.shift();
    return call;
  }

  /** Records a response. */
  onSuccess({ sentAt }: SentCall): void {
    if (sentAt < this.#ruleSince) return;
    this.#isRule = false;
    this.#longestWaitUntil = -Infinity;
  }

  /**
   * Records a refusal.
   *
   * @param waitMs How long the endpoint asks to wait, if it says.
   * @returns Milliseconds of the longest wait asked for by the refusals that count, 0 if none was named; null if refusals are chance.
   */
  onRefusal(call: SentCall, waitMs: number | undefined, now: number): number | null {
    call.isRefused = true;
    this.#longestWaitUntil = Math.max(this.#longestWaitUntil, now + (waitMs ?? 0));
    if (!this.#isRule && !this.#isFrequent()) return null;
    this.#isRule = true;
    this.#ruleSince = Math.max(this.#ruleSince, now);
    return Math.max(0, this.#longestWaitUntil - now);
  }

  #isFrequent(): boolean {
    let refusals = 0;
    let consecutive = 0;
    for (const { isRefused } of this.#sent) {
      if (isRefused) refusals++;
      consecutive = isRefused ? consecutive + 1 : 0;
      if (consecutive >= maxConsecutive || refusals >= minInWindow) {
        // Each refusal counts towards one pause.
        this.#sent.length = 0;
        return true;
      }
    }
    return false;
  }
}
