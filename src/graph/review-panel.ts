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
   * Fixed settings, used in place of the run's context, which may then hold anything. Default: the context is read as
   * `Settings`. The panel uses `panel`, `mode`, the models, `wordLimit`, `tieBreak` and `quorum`.
   */
  readonly settings?: SettingsInput;
  /** Reviewers in code, by the name they have in `settings.panel`. Default: models review. */
  readonly customReviewers?: CustomReviewers;
  /** Keeps threads when the panel runs by itself. Default: the saver of the host graph. */
  readonly checkpointer?: BaseCheckpointSaver;
}

/**
 * Creates a graph that reviews the last response of any conversation in parallel and returns reviews and verdict.
 *
 * Add it to a graph of your own as a node, or invoke it. Input `PanelInput` (`messages`), output `PanelOutput`.
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
  if (given === undefined) return (runtime) => withReviewers(getContextSettings(runtime), runtime);
  const parsed = Settings.safeParse(given);
  if (!parsed.success) throw new InputError(`settings of the review panel:\n${z.prettifyError(parsed.error)}`, { field: "settings" });
  const panelNames = parsed.data.panel.map(({ name }) => name);
  const unknownReviewers = Object.keys(customReviewers).filter((name) => !panelNames.includes(name));
  if (unknownReviewers.length > 0) {
    throw new InputError(`custom reviewers that \`settings.panel\` (${panelNames.join(", ")}) does not name: ${unknownReviewers.join(", ")}`, {
      field: "customReviewers",
    });
  }
  const settings = resolvePanelSettings(parsed.data);
  return () => settings;
}

/** Keeps resolved settings that have reviewers, and otherwise resolves the context again with the whole panel. */
function withReviewers(settings: ResolvedSettings, { context }: NodeRuntime): ResolvedSettings {
  return settings.panel.length > 0 ? settings : resolvePanelSettings(Settings.parse(context ?? {}));
}

/** A caller of the panel wants a review: `one_review` uses its first reviewer, every other mode all of it. */
function resolvePanelSettings(settings: Settings): ResolvedSettings {
  return resolveSettings({ ...settings, mode: settings.mode === "one_review" ? "one_review" : "multi_review" });
}
