import { z } from "zod";

/** Longest conversation that can be asked for; the graph's superstep limit follows from it. */
export const maxTurns = 100;

/** The ablations of the paper as settings of one loop (section "Ablation"); see {@link Settings}. */
export const GenerationMode = z.enum(["single_turn", "no_review", "one_review", "multi_review"]);
export type GenerationMode = z.infer<typeof GenerationMode>;

/** What a review, and by majority the panel, comes to. */
export const Verdict = z.enum(["positive", "negative"]);
export type Verdict = z.infer<typeof Verdict>;

/** Whether a URL names a user or a password before its host. */
export function hasCredentials(url: string): boolean {
  const { username, password } = new URL(url);
  return username !== "" || password !== "";
}

const model = z
  .string()
  .trim()
  .min(1)
  .meta({
    title: "Model",
    description: "`offline` (rehearsal, no network) or `openai:<name>` for any OpenAI-compatible endpoint.",
    examples: ["offline", "openai:gpt-4o-mini"],
  });
const baseUrl = z
  .url({ protocol: /^https?$/, abort: true })
  .refine(
    // Settings are shown and kept in places where a key must not be.
    (url) => !hasCredentials(url),
    "must hold no credentials: put the key into the environment variable that apiKeyEnv names, and take it out of the URL",
  )
  .nullable()
  .meta({
    title: "Base URL",
    description: "Endpoint of an OpenAI-compatible server, e.g. http://localhost:8000/v1. Empty: OpenAI's own.",
    examples: ["http://localhost:8000/v1"],
  });
const apiKeyEnv = z
  .string()
  // Capitals alone: keys such as `sk_...` and `hf_...` would pass as lower-case names, and be shown wherever the name is.
  .regex(/^[A-Z_][A-Z0-9_]*$/, "must be the name of an environment variable, in capitals, and not a key")
  .meta({ title: "API key variable", description: "Name of the environment variable that holds the API key. Never the key itself." });

/** What one role may set for itself; what it leaves out comes from the settings of the same name above it. */
const RoleModelSettings = z.strictObject({
  model: model.optional(),
  baseUrl: baseUrl.optional(),
  apiKeyEnv: apiKeyEnv.optional(),
  temperature: z
    .number()
    .min(0)
    .max(2)
    .default(0.1)
    .meta({ title: "Temperature", description: "Sampling temperature, 0 to 2 (the authors use 0.1)." }),
  maxOutputTokens: z.int().min(1).default(2048).meta({ title: "Output limit", description: "Most tokens in one reply, hidden thinking included." }),
});

/** One member of the panel. */
export const ReviewerSettings = RoleModelSettings.extend({
  name: z
    .string()
    .trim()
    .regex(/^[\p{L}\p{N}][\p{L}\p{N} _-]{0,39}$/u, "must be 1 to 40 letters, digits, spaces, - or _")
    .meta({ title: "Name", description: "Unique within the panel; names the reviewer in records and traces." }),
  focus: z.string().trim().min(1).meta({
    title: "Focus",
    description: "What this reviewer looks at hardest. Every reviewer still rates all five dimensions.",
    langgraph_type: "prompt",
  }),
});
export type ReviewerSettings = z.infer<typeof ReviewerSettings>;

/** Three reviewers whose foci together cover the five dimensions of the paper (section "Review"). */
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

/** Studio's own word for where in the drawn graph a setting is offered. */
const studioNodes = (...langgraph_nodes: string[]) => ({ langgraph_nodes });
const allRoleNodes = studioNodes("candidate", "reviewer", "chairman");
/** A prefault is applied but not shown: this is what a form begins with. */
const roleDefaults = RoleModelSettings.parse({});

/**
 * Run-time settings of a conversation: the graph's context schema, the form in Studio, the config file of the CLI and the
 * source of its flags. Everything has a default, so the graph runs with no context at all.
 */
export const Settings = z.object({
  turns: z.int().min(1).max(maxTurns).default(3).meta({ title: "Turns", description: "Instruction and answer pairs to generate." }),
  mode: GenerationMode.default("multi_review").meta({
    title: "Mode",
    description:
      "multi_review: the whole panel; one_review: its first reviewer; no_review: the chairman asks without reviews; single_turn: one answer, nothing else.",
  }),
  model: model.default("offline").meta(allRoleNodes),
  baseUrl: baseUrl.default(null).meta(allRoleNodes),
  apiKeyEnv: apiKeyEnv.default("OPENAI_API_KEY").meta(allRoleNodes),
  candidate: RoleModelSettings.prefault({}).meta({
    title: "Candidate",
    description: "Model of the candidate, who answers.",
    default: roleDefaults,
    ...studioNodes("candidate"),
  }),
  chairman: RoleModelSettings.prefault({}).meta({
    title: "Chairman",
    description: "Model of the chairman, who asks the next question.",
    default: roleDefaults,
    ...studioNodes("chairman"),
  }),
  panel: z
    .array(ReviewerSettings)
    .min(1)
    .refine((panel) => new Set(panel.map((reviewer) => reviewer.name)).size === panel.length, "reviewer names must be unique")
    .prefault(defaultPanel)
    .meta({
      title: "Panel",
      description: "The reviewers, each with a name, a focus and, where wanted, a model of its own.",
      default: defaultPanel.map((reviewer) => ({ ...roleDefaults, ...reviewer })),
      ...studioNodes("reviewer"),
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
      ...studioNodes("candidate", "chairman"),
    }),
  wordLimit: z
    .int()
    .min(10)
    .default(300)
    .meta({ title: "Word limit", description: "Most words the candidate should use in an answer.", ...studioNodes("candidate") }),
  tieBreak: z
    .enum(["breadth", "depth"])
    .default("depth")
    .meta({
      title: "Tie break",
      description: "Direction of the next instruction when as many reviews are positive as negative.",
      ...studioNodes("aggregate_reviews"),
    }),
  quorum: z
    .int()
    .min(1)
    .default(2)
    .meta({
      title: "Quorum",
      description: "Fewest reviews that a verdict needs; a smaller panel needs all of its own.",
      ...studioNodes("aggregate_reviews"),
    }),
  reviewFinalTurn: z
    .boolean()
    .default(false)
    .meta({
      title: "Review the final turn",
      description: "Also review the last answer, at the price of one call a reviewer.",
      ...studioNodes("reviewer"),
    }),
  humanReview: z
    .boolean()
    .default(false)
    .meta({
      title: "Human review",
      description: "Pause before each new instruction for a person to accept, edit or end.",
      ...studioNodes("human_review"),
    }),
});
export type Settings = z.infer<typeof Settings>;
/** Settings as a caller gives them: whatever is left out has its default. */
export type SettingsInput = z.input<typeof Settings>;

/** A role's model with every field settled: its own where set, else the run's. */
export interface ModelSettings {
  readonly model: string;
  readonly baseUrl: string | null;
  readonly apiKeyEnv: string;
  readonly temperature: number;
  readonly maxOutputTokens: number;
}
