import type { NodeRuntime } from "./runtime.js";

/**
 * Remembers in which runs a panel sat. A verdict that lacks reviews fails in the run in which the reviewers just failed, but
 * calls them back when a later run resumes at the verdict. Keyed by LangGraph's control object, one per run, and weakly, so
 * nothing is left behind; a restarted process rightly remembers nothing. Within a run, panels that sit side by side in a host
 * graph are told apart by their place in it.
 */
export class PanelAttendance {
  readonly #runs = new WeakMap<object, Set<string>>();

  note(runtime: NodeRuntime): void {
    if (!runtime.control) return;
    const panels = this.#runs.get(runtime.control) ?? new Set();
    this.#runs.set(runtime.control, panels.add(panelOf(runtime)));
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
