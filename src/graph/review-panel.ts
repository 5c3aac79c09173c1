import { type BaseCheckpointSaver, END, START, StateGraph } from "@langchain/langgraph";
import { z } from "zod";

import { InputError } from "../errors.js";
import { PanelAttendance } from "../nodes/attendance.js";
import type { CustomReviewers } from "../nodes/custom-reviewer.js";
import type { ModelAccess } from "../nodes/model-access.js";
import { createReviewer } from "../nodes/reviewer.js";
import { type NodeRuntime, settingsOf } from "../nodes/runtime.js";
import { openSitting, outcomeOf } from "../nodes/sitting.js";
import { tellingFailures } from "../nodes/telling-failures.js";
import { createVerdict } from "../nodes/verdict.js";
import { ReviewTask } from "../state/conversation.js";
import { PanelInput, PanelOutput, PanelState, SittingState } from "../state/panel.js";
import { Settings, type SettingsInput } from "../state/settings.js";
import { settingsContext } from "./context.js";
import { afterPanelVerdict, panelTasks } from "./routes.js";

/** What {@link createReviewPanel} is made of. */
export interface ReviewPanelOptions {
  /** How reviewers reach models; see `createModelAccess`. */
  readonly models: ModelAccess;
  /**
   * Settings of this panel, fixed: the host's context is left alone, whatever it holds. Default: the run's context is read as
   * `Settings`. Of these the panel uses `panel`, `mode`, the models, `wordLimit`, `tieBreak` and `quorum`.
   */
  readonly settings?: SettingsInput;
  /** Reviewers of your own, by the name that they have in `settings.panel`. Default: models review. */
  readonly reviewers?: CustomReviewers;
  /** Where threads are kept when the panel runs by itself. Default: within a host graph, the host's saver. */
  readonly checkpointer?: BaseCheckpointSaver;
}

/**
 * The panel by itself: reviews the last answer of any conversation in parallel and gives the reviews and the verdict. Add it
 * to a graph of your own as a node, or invoke it. Input `PanelInput` (`messages`), output `PanelOutput`. Throws `InputError` for
 * settings that cannot be.
 */
export function createReviewPanel({ models, settings, reviewers, checkpointer }: ReviewPanelOptions) {
  if (settings !== undefined) checkSettings(settings, reviewers);
  const open = tellingFailures(openSitting);
  const sitting = createSitting(models, reviewers);
  const review = async (state: PanelInput, runtime: NodeRuntime): Promise<PanelOutput> => {
    const context = panelSettings(settings ?? runtime.context);
    return outcomeOf(await sitting.invoke(await open(state, runtime), { ...runtime, context }));
  };
  return new StateGraph({ state: PanelState, input: PanelInput, output: PanelOutput, context: settings === undefined ? settingsContext : undefined })
    .addNode("review", review, { subgraphs: [sitting] })
    .addEdge(START, "review")
    .addEdge("review", END)
    .compile({ checkpointer, name: "review_panel" });
}

/** The compiled panel. */
export type ReviewPanel = ReturnType<typeof createReviewPanel>;

/** A graph of its own, as a node may not be named as a channel is: the node `verdict` keeps its name in traces. */
function createSitting(models: ModelAccess, reviewers?: CustomReviewers) {
  const attendance = new PanelAttendance();
  return new StateGraph({ state: SittingState, context: Settings })
    .addNode("reviewer", tellingFailures(createReviewer(models, attendance, reviewers)), { input: ReviewTask })
    .addNode("verdict", tellingFailures(createVerdict(attendance)))
    .addConditionalEdges(START, panelTasks, ["reviewer"])
    .addEdge("reviewer", "verdict")
    .addConditionalEdges("verdict", afterPanelVerdict, { "call back": "reviewer", ruled: END })
    .compile({ name: "sitting" });
}

/** Whoever calls a panel wants a review: `one_review` seats its first reviewer, every other mode all of it. */
function panelSettings(context: NodeRuntime["context"]): Settings {
  const settings = settingsOf({ context });
  return { ...settings, mode: settings.mode === "one_review" ? "one_review" : "multi_review" };
}

/** Fixed settings can be judged at once. A custom reviewer that has no seat in them would never be heard. */
function checkSettings(given: SettingsInput, reviewers: CustomReviewers = {}): void {
  const settings = Settings.safeParse(given);
  if (!settings.success) throw new InputError(`settings of the review panel:\n${z.prettifyError(settings.error)}`, { field: "settings" });
  const seats = settings.data.panel.map(({ name }) => name);
  const seatless = Object.keys(reviewers).filter((name) => !seats.includes(name));
  if (seatless.length > 0)
    throw new InputError(`custom reviewers with no seat in \`settings.panel\` (${seats.join(", ")}): ${seatless.join(", ")}`, { field: "reviewers" });
}
