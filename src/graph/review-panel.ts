import { type BaseCheckpointSaver, END, START, type Send, StateGraph } from "@langchain/langgraph";
import { z } from "zod";

import { InputError } from "../errors.js";
import type { CallModel } from "../model-calls/model-call.js";
import type { CustomReviewers } from "../nodes/custom-reviewer.js";
import { type GetSettings, type NodeRuntime, getSettings as getContextSettings } from "../nodes/runtime.js";
import { finishReview, selectReviewableMessages, startReview } from "../nodes/start-review.js";
import { withErrorEvents } from "../nodes/with-error-events.js";
import { getCurrentTurn } from "../state/conversation.js";
import { PanelInput, PanelOutput, PanelState } from "../state/panel.js";
import { type ResolvedSettings, resolveSettings } from "../state/resolve-settings.js";
import { Settings, type SettingsInput } from "../state/settings.js";
import { contextSchema } from "./context.js";
import { addPanelNodes } from "./panel-nodes.js";
import { dispatchReviewers } from "./routes.js";

/** Options of {@link createReviewPanel}. */
export interface ReviewPanelOptions {
  /** Makes the reviewers' model calls; see `createModelCaller`. */
  readonly callModel: CallModel;
  /**
   * Fixed settings. The run's context is then ignored and may belong to a host graph. Default: the run's context.
   *
   * The panel uses `panel`, `mode`, the model settings, `wordLimit`, `tieBreak` and `quorum`.
   */
  readonly settings?: SettingsInput;
  /** Reviewers in code, by the name they have in `settings.panel`. Default: models review. */
  readonly customReviewers?: CustomReviewers;
  /** Saves threads when the panel runs by itself. Default: the checkpointer of the host graph. */
  readonly checkpointer?: BaseCheckpointSaver;
}

/**
 * Creates a graph that reviews the last response of any conversation in parallel and returns reviews and verdict.
 *
 * Add it to your own graph as a node, or invoke it. Input `PanelInput` (`messages`), output `PanelOutput`.
 *
 * @throws {InputError} For invalid `settings`, and for custom reviewers that the panel does not name.
 */
export function createReviewPanel({ callModel, settings, customReviewers, checkpointer }: ReviewPanelOptions) {
  const getSettings = createSettingsGetter(settings, customReviewers);
  const dispatch = (state: PanelState, runtime: NodeRuntime): Send[] =>
    dispatchReviewers({ messages: selectReviewableMessages(state), turns: state.turns }, getSettings(runtime));
  const afterReviews = (state: PanelState, runtime: NodeRuntime): Send[] | "done" =>
    getCurrentTurn(state).verdict === null ? dispatch(state, runtime) : "done";
  const graph = new StateGraph({
    state: PanelState,
    input: PanelInput,
    output: PanelOutput,
    context: settings === undefined ? contextSchema : undefined,
  })
    .addNode("start_review", withErrorEvents(startReview))
    .addNode("finish_review", finishReview);
  return addPanelNodes(graph, { callModel, customReviewers, getSettings })
    .addEdge(START, "start_review")
    .addConditionalEdges("start_review", dispatch, ["reviewer"])
    .addEdge("reviewer", "aggregate_reviews")
    .addConditionalEdges("aggregate_reviews", afterReviews, { "retry missing reviewers": "reviewer", done: "finish_review" })
    .addEdge("finish_review", END)
    .compile({ checkpointer, name: "review_panel" });
}

/** The compiled panel. */
export type ReviewPanel = ReturnType<typeof createReviewPanel>;

function createSettingsGetter(given: SettingsInput | undefined, customReviewers: CustomReviewers = {}): GetSettings {
  if (given === undefined) return getPanelSettings;
  const parsed = Settings.safeParse(given);
  if (!parsed.success) throw new InputError(`settings of the review panel:\n${z.prettifyError(parsed.error)}`, { field: "settings" });
  const panelNames = parsed.data.panel.map(({ name }) => name);
  const unknownReviewers = Object.keys(customReviewers).filter((name) => !panelNames.includes(name));
  if (unknownReviewers.length > 0) {
    throw new InputError(
      `\`settings.panel\` names no reviewer ${unknownReviewers.join(", ")}: rename these custom reviewers, or add them to the panel (${panelNames.join(", ")})`,
      { field: "customReviewers" },
    );
  }
  const settings = resolvePanelSettings(parsed.data);
  return () => settings;
}

/** Reads the run's context. A mode without reviewers is resolved again with the whole panel. */
function getPanelSettings(runtime: NodeRuntime): ResolvedSettings {
  const settings = getContextSettings(runtime);
  return settings.panel.length > 0 ? settings : resolvePanelSettings(Settings.parse(runtime.context ?? {}));
}

/** The panel always reviews: `one_review` uses the first reviewer, every other mode all of them. */
function resolvePanelSettings(settings: Settings): ResolvedSettings {
  return resolveSettings({ ...settings, mode: settings.mode === "one_review" ? "one_review" : "multi_review" });
}
