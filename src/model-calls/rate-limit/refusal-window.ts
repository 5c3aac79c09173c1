/** So many refusals in a row, without a response between them, are no chance. */
const maxConsecutive = 5;
/** Number of newest outcomes that count. */
const windowSize = 40;
/** Minimum number of refusals among those that is no chance. */
const minInWindow = 10;

/**
 * Tells refusals by chance (429) from a rate limit: where refusals are the rule, calls are too many.
 *
 * Some endpoints refuse one call in ten at random. Such a call waits by itself; a pause for all would cost far more. Refusals
 * are the rule if several come in a row, make up a quarter of the newest outcomes, or go on after the endpoint's pause.
 */
export class RefusalWindow {
  #outcomes: boolean[] = [];
  #consecutive = 0;
  /** True from the first pause until a call that was sent after it succeeds. */
  #isRule = false;
  #ruleSince = -Infinity;
  #longestWaitUntil = -Infinity;

  /** Returns true while refusals are the rule. */
  get isRule(): boolean {
    return this.#isRule;
  }

  /** Records a response to a call that was sent at `sentAt`. */
  onSuccess(sentAt: number): void {
    this.#add(false);
    this.#consecutive = 0;
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
  onRefusal(waitMs: number | undefined, now: number): number | null {
    this.#add(true);
    this.#consecutive++;
    this.#longestWaitUntil = Math.max(this.#longestWaitUntil, now + (waitMs ?? 0));
    const refusals = this.#outcomes.filter((isRefused) => isRefused).length;
    if (!this.#isRule && this.#consecutive < maxConsecutive && refusals < minInWindow) return null;
    if (!this.#isRule) this.#outcomes = [];
    this.#isRule = true;
    this.#ruleSince = Math.max(this.#ruleSince, now);
    return Math.max(0, this.#longestWaitUntil - now);
  }

  #add(isRefused: boolean): void {
    if (this.#outcomes.push(isRefused) > windowSize) this.#outcomes.shift();
  }
}
