import { z } from "zod";

import { RoleModelSettings, RunModelSettings } from "./model-settings.js";

export type { ModelSettings } from "./model-settings.js";

/** Maximum number of turns. The graph's recursion limit is derived from it. */
export const maxTurns = 100;

/** Which reviewers review: the full method and its ablations (paper, section "Ablation"). See {@link Settings}. */
export const GenerationMode = z.enum(["single_turn", "no_review", "one_review", "multi_review"]);
export type GenerationMode = z.infer<typeof GenerationMode>;

/** Result of a review and, by majority, of the panel. */
export const Verdict = z.enum(["positive", "negative"]);
export type Verdict = z.infer<typeof Verdict>;

/** One member of the panel. */
export const ReviewerSettings = RoleModelSettings.extend({
  name: z
    .string()
    .trim()
    .regex(/^[\p{L}\p{N}][\p{L}\p{N} _-]{0,39}$/u, "must be 1 to 40 letters, digits, spaces, - or _")
    .meta({ title: "Name", description: "Unique within the panel; names the reviewer in records and traces." }),
  focus: z.string().trim().min(1).meta({
    title: "Criteria",
    description: "What this reviewer concentrates on. Every reviewer still rates all five dimensions.",
    langgraph_type: "prompt",
  }),
});
export type ReviewerSettings = z.infer<typeof ReviewerSettings>;

/** Three reviewers whose criteria together cover the five dimensions of the paper (section "Review"). */
export const defaultPanel: z.input<typeof ReviewerSettings>[] = [
  {
    name: "accuracy",
    focus:
      "Accuracy and relevance: false or unsupported statements, wrong reasoning, steps that would not work, parts of the question that were misread or not answered.",
  },
  {
    name: "depth",
    focus:
      "Depth: causes and mechanisms left unexplained, conditions and exceptions passed over, claims with no example, figure or reason behind them.",
  },
  {
    name: "usefulness",
    focus:
      "Usefulness and creativity: whether the person who asked can act on this, what they would still have to look up, and whether it offers anything beyond the first things everyone says.",
  },
];

/** Lists the nodes of the graph at which Studio offers a setting. */
const showAtNodes = (...langgraph_nodes: string[]) => ({ langgraph_nodes });

/**
 * Settings of a run: the graph's context schema, the form in Studio, and the config file and flags of the CLI.
 *
 * Every setting has a default, so the graph runs without a context.
 */
export const Settings = z.object({
  turns: z.int().min(1).max(maxTurns).default(3).meta({ title: "Turns", description: "Number of instruction and answer pairs to generate." }),
  mode: GenerationMode.default("multi_review").meta({
    title: "Mode",
    description:
      "multi_review: the whole panel; one_review: its first reviewer; no_review: the chairman asks without reviews; single_turn: one answer, nothing else.",
  }),
  ...RunModelSettings.shape,
  candidate: RoleModelSettings.prefault({}).meta({
    title: "Candidate",
    description: "Model settings of the candidate, which answers, where they differ.",
    default: {},
    ...showAtNodes("candidate"),
  }),
  chairman: RoleModelSettings.prefault({}).meta({
    title: "Chairman",
    description: "Model settings of the chairman, which asks the next question, where they differ.",
    default: {},
    ...showAtNodes("chairman"),
  }),
  panel: z
    .array(ReviewerSettings)
    .min(1)
    .refine((panel) => new Set(panel.map((reviewer) => reviewer.name)).size === panel.length, "reviewer names must be unique")
    .prefault(defaultPanel)
    .meta({
      title: "Panel",
      description: "The reviewers, each with a name, a focus and optionally model settings of its own.",
      default: defaultPanel,
      ...showAtNodes("reviewer"),
    }),
  language: z
    .string()
    .trim()
    .min(1)
    .default("same as the seed")
    .meta({
      title: "Language",
      description: "Language of answers and instructions, e.g. `German`, or `same as the seed`.",
      examples: ["same as the seed", "German"],
      ...showAtNodes("candidate", "chairman"),
    }),
  wordLimit: z
    .int()
    .min(10)
    .default(300)
    .meta({ title: "Word limit", description: "Maximum number of words in an answer.", ...showAtNodes("candidate") }),
  tieBreak: z
    .enum(["breadth", "depth"])
    .default("depth")
    .meta({
      title: "Tie break",
      description: "Direction of the next instruction when as many reviews are positive as negative.",
      ...showAtNodes("aggregate_reviews"),
    }),
  quorum: z
    .int()
    .min(1)
    .default(2)
    .meta({
      title: "Quorum",
      description: "Minimum number of reviews for a verdict. A smaller panel needs all of its reviews.",
      ...showAtNodes("aggregate_reviews"),
    }),
  reviewFinalTurn: z
    .boolean()
    .default(false)
    .meta({
      title: "Review the final turn",
      description: "Also review the last answer, which costs one call per reviewer.",
      ...showAtNodes("reviewer"),
    }),
  keepReasoning: z
    .boolean()
    .default(false)
    .meta({
      title: "Keep reasoning",
      description: "Record the candidate's reasoning in a field of its own. It never becomes part of an answer.",
      ...showAtNodes("candidate"),
    }),
  humanReview: z
    .boolean()
    .default(false)
    .meta({
      title: "Human review",
      description: "Pause before each new instruction so that a person can accept, edit or end.",
      ...showAtNodes("human_review"),
    }),
});
export type Settings = z.infer<typeof Settings>;
/** Settings as a caller gives them. Missing ones get their default. */
export type SettingsInput = z.input<typeof Settings>;
