import { setImmediate as nextTick } from "node:timers/promises";

import type { NodeRuntime } from "./runtime.js";

/**
 * Tracks which runs have executed the reviewers of a panel.
 *
 * When the quorum is missed, the aggregating node throws in that run; a later run that resumes there calls only the missing
 * reviewers again. Uses a `WeakMap` keyed by `runtime.control` (one per run), so that entries are garbage-collected.
 */
export class PanelRunTracker {
  readonly #runs = new WeakMap<object, Map<string, Set<Promise<unknown>>>>();

  /**
   * Runs one reviewer.
   *
   * If it throws, waits for its siblings to settle before rethrowing: otherwise LangGraph cancels them and a resume pays for
   * their calls again.
   */
  async run<T>(runtime: NodeRuntime, review: () => Promise<T>): Promise<T> {
    const siblings = this.#pendingReviewers(runtime);
    const pending = review();
    siblings.add(pending);
    try {
      return await pending;
    } catch (error) {
      // Waits also for siblings that start in the same tick.
      await nextTick();
      await Promise.allSettled(siblings);
      throw error;
    }
  }

  /** Returns true if this run has called the panel's reviewers, or if the run is unknown. */
  hasRunReviewers(runtime: NodeRuntime): boolean {
    return runtime.control === undefined || this.#runs.get(runtime.control)?.has(getPanelNamespace(runtime)) === true;
  }

  #pendingReviewers(runtime: NodeRuntime): Set<Promise<unknown>> {
    if (!runtime.control) return new Set();
    const panels = this.#runs.get(runtime.control) ?? new Map<string, Set<Promise<unknown>>>();
    this.#runs.set(runtime.control, panels);
    const namespace = getPanelNamespace(runtime);
    const reviewers = panels.get(namespace) ?? new Set();
    panels.set(namespace, reviewers);
    return reviewers;
  }
}

/** Returns the part of the checkpoint namespace that all nodes of one panel share. The last part is the node's own. */
function getPanelNamespace({ configurable }: NodeRuntime): string {
  return String(configurable?.checkpoint_ns ?? "")
    .split("|")
    .slice(0, -1)
    .join("|");
}
