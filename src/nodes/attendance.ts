import { setImmediate as nextTick } from "node:timers/promises";

import type { NodeRuntime } from "./runtime.js";

/**
 * Remembers in which runs a panel sat. A verdict that lacks reviews fails in the run in which the reviewers just failed, but
 * calls them back when a later run resumes at the verdict. Keyed by LangGraph's control object, one per run, and weakly, so
 * nothing is left behind; a restarted process rightly remembers nothing. Within a run, panels that sit side by side in a host
 * graph are told apart by their place in it.
 */
export class PanelAttendance {
  readonly #runs = new WeakMap<object, Map<string, Set<Promise<unknown>>>>();

  /**
   * Hears a reviewer. One that fails the run does so when the others of its panel are through: LangGraph would cut them off,
   * and a resume would pay for their answers again.
   */
  async hear<T>(runtime: NodeRuntime, reviewer: () => Promise<T>): Promise<T> {
    const panel = this.#seatsOf(runtime);
    const word = reviewer();
    panel.add(word);
    try {
      return await word;
    } catch (error) {
      // Reviewers that sit down in the same moment are heard, too.
      await nextTick();
      await Promise.allSettled(panel);
      throw error;
    }
  }

  #seatsOf(runtime: NodeRuntime): Set<Promise<unknown>> {
    if (!runtime.control) return new Set();
    const panels = this.#runs.get(runtime.control) ?? new Map<string, Set<Promise<unknown>>>();
    this.#runs.set(runtime.control, panels);
    const panel = panels.get(panelOf(runtime)) ?? new Set();
    panels.set(panelOf(runtime), panel);
    return panel;
  }

  satInThisRun(runtime: NodeRuntime): boolean {
    return runtime.control === undefined || this.#runs.get(runtime.control)?.has(panelOf(runtime)) === true;
  }
}

/** Reviewers and verdict of one panel run under the same namespace; the last part of theirs is their own. */
function panelOf({ configurable }: NodeRuntime): string {
  return String(configurable?.checkpoint_ns ?? "")
    .split("|")
    .slice(0, -1)
    .join("|");
}
