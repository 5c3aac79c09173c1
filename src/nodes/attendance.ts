import type { NodeRuntime } from "./runtime.js";

/**
 * Remembers in which runs a panel sat. A verdict that lacks reviews fails in the run in which the reviewers just failed, but
 * calls them back when a later run resumes at the verdict. Keyed by LangGraph's control object, one per run, and weakly, so
 * nothing is left behind; a restarted process rightly remembers nothing.
 */
export class PanelAttendance {
  readonly #runs = new WeakSet<object>();

  note(runtime: NodeRuntime): void {
    if (runtime.control) this.#runs.add(runtime.control);
  }

  satInThisRun(runtime: NodeRuntime): boolean {
    return runtime.control === undefined || this.#runs.has(runtime.control);
  }
}
