import { z } from "zod";

import { ExtraBody, Headers } from "./request-extras.js";

/** Returns true for a URL with a user or a password before its host. */
function hasCredentials(url: string): boolean {
  const { username, password } = new URL(url);
  return username !== "" || password !== "";
}

const url = z.url({ protocol: /^https?$/, abort: true }).refine(
  // Settings are shown in Studio and written to manifests and traces, which must not contain keys.
  (text) => !hasCredentials(text),
  "must hold no credentials: put the key into the environment variable that apiKeyEnv names, and remove it from the URL",
);

/** Adds limits to the JSON schema of a nullable number, where forms look for them. */
const showRange = (minimum: number, maximum: number, title: string, description: string) => ({ title, description, minimum, maximum });

/** Settings of a model, without their defaults. A run has all of them, a role those in which it differs. */
const fields = {
  model: z
    .string()
    .trim()
    .min(1)
    .meta({
      title: "Model",
      description: "`offline` (built-in model, no network) or `<provider>:<name>`: `openai:` for any OpenAI-compatible endpoint; see docs/models.md.",
      examples: ["offline", "openai:gpt-4o-mini"],
    }),
  baseUrl: z
    .union([url, z.array(url).min(1)])
    .nullable()
    .meta({
      title: "Base URL",
      description: "Endpoint of the model's server, e.g. http://localhost:8000/v1, or a list of replicas. Empty: the provider's own.",
      examples: ["http://localhost:8000/v1"],
    }),
  apiKeyEnv: z
    .string()
    // Capitals only: otherwise keys such as `sk_...` and `hf_...` would pass as names and be shown like one.
    .regex(/^[A-Z_][A-Z0-9_]*$/, "must be the name of an environment variable, in capitals, and not a key")
    .meta({ title: "API key variable", description: "Name of the environment variable that holds the API key. Never the key itself." }),
  headers: Headers,
  temperature: z
    .number()
    .min(0)
    .max(2)
    .nullable()
    .meta(
      showRange(
        0,
        2,
        "Temperature",
        "Sampling temperature, 0 to 2 (the authors use 0.1); null sends none. Left out by itself for models that refuse it.",
      ),
    ),
  maxOutputTokens: z
    .int()
    .min(1)
    .meta({ title: "Maximum output tokens", description: "Maximum number of tokens in one response, reasoning included." }),
  topP: z
    .number()
    .gt(0)
    .max(1)
    .nullable()
    .meta(showRange(0, 1, "Top P", "Nucleus sampling: share of the probability to sample from. Sent as `top_p`.")),
  samplingSeed: z
    .int()
    .nullable()
    .meta({ title: "Sampling seed", description: "Seed of the model's own randomness, where the endpoint supports one. Sent as `seed`." }),
  stop: z
    .array(z.string().min(1))
    .max(16)
    .meta({ title: "Stop sequences", description: "Texts at which a response ends. Most endpoints take at most four." }),
  frequencyPenalty: z
    .number()
    .min(-2)
    .max(2)
    .nullable()
    .meta(showRange(-2, 2, "Frequency penalty", "Makes tokens less likely the more often they occurred. Sent as `frequency_penalty`.")),
  presencePenalty: z
    .number()
    .min(-2)
    .max(2)
    .nullable()
    .meta(showRange(-2, 2, "Presence penalty", "Makes tokens less likely once they occurred. Sent as `presence_penalty`.")),
  repetitionPenalty: z
    .number()
    .gt(0)
    .max(2)
    .nullable()
    .meta(
      showRange(0, 2, "Repetition penalty", "Factor above 1 against repetition. Sent as `repetition_penalty`, which vLLM, SGLang and routers know."),
    ),
  maxTokensParameter: z.enum(["max_tokens", "max_completion_tokens"]).nullable().meta({
    title: "Parameter of the output limit",
    description: "Name by which the endpoint takes the output limit: `max_tokens` or `max_completion_tokens`. Empty: learnt from its errors.",
  }),
  systemRole: z.enum(["system", "developer", "merge"]).nullable().meta({
    title: "System role",
    description: "Role of the rules in a request: `system`, `developer`, or `merge` into the first user message. Empty: learnt from errors.",
  }),
  extraBody: ExtraBody,
};

/** Settings of one role. Missing fields are taken from the run's settings of the same name. */
export const RoleModelSettings = z.strictObject(fields).partial();
export type RoleModelSettings = z.infer<typeof RoleModelSettings>;

/** Makes Studio offer a setting at the nodes of all roles. */
const showAtRoles = <T extends z.ZodType>(schema: T): T => schema.meta({ langgraph_nodes: ["candidate", "reviewer", "chairman"] });

/** The run's model settings, which apply to every role that does not set its own. */
export const RunModelSettings = z.object({
  model: showAtRoles(fields.model.default("offline")),
  baseUrl: showAtRoles(fields.baseUrl.default(null)),
  apiKeyEnv: showAtRoles(fields.apiKeyEnv.default("OPENAI_API_KEY")),
  headers: showAtRoles(fields.headers.default({})),
  temperature: showAtRoles(fields.temperature.default(0.1)),
  maxOutputTokens: showAtRoles(fields.maxOutputTokens.default(2048)),
  topP: showAtRoles(fields.topP.default(null)),
  samplingSeed: showAtRoles(fields.samplingSeed.default(null)),
  stop: showAtRoles(fields.stop.default([])),
  frequencyPenalty: showAtRoles(fields.frequencyPenalty.default(null)),
  presencePenalty: showAtRoles(fields.presencePenalty.default(null)),
  repetitionPenalty: showAtRoles(fields.repetitionPenalty.default(null)),
  maxTokensParameter: showAtRoles(fields.maxTokensParameter.default(null)),
  systemRole: showAtRoles(fields.systemRole.default(null)),
  extraBody: showAtRoles(fields.extraBody.default({})),
});

/** Settings that every model has. */
type RequiredName = "model" | "apiKeyEnv" | "temperature" | "maxOutputTokens";

/** Where calls go. */
interface Address {
  /** The first of several replicas. Null: the provider's own. */
  readonly baseUrl: string | null;
  /** All servers that serve the model, if there are several. */
  readonly replicas?: readonly string[];
}

/** Model settings of one role with every field resolved: the role's own value, else the run's. Optional ones may be left out. */
export type ModelSettings = Address & Readonly<Required<Pick<RoleModelSettings, RequiredName>> & Omit<RoleModelSettings, RequiredName | "baseUrl">>;

/** Returns the address that a base URL or a list of them stands for. */
export function toAddress(baseUrl: RoleModelSettings["baseUrl"]): Address {
  if (!Array.isArray(baseUrl)) return { baseUrl: baseUrl ?? null };
  const [first = null, ...others] = new Set(baseUrl);
  return others.length === 0 || first === null ? { baseUrl: first } : { baseUrl: first, replicas: [first, ...others] };
}

/** Returns the settings of each replica, or the settings themselves where there is one server. */
export function splitReplicas<T extends Address>(settings: T): T[] {
  const { replicas = [] } = settings;
  return replicas.length < 2 ? [settings] : replicas.map((baseUrl) => ({ ...settings, baseUrl, replicas: undefined }));
}

/** Returns the settings that shape a text: all but where a call goes, its key and headers, and the name of a parameter. */
export function getTextSettings(settings: ModelSettings) {
  const {
    baseUrl: _baseUrl,
    replicas: _replicas,
    apiKeyEnv: _apiKeyEnv,
    headers: _headers,
    maxTokensParameter: _parameter,
    ...textSettings
  } = settings;
  return textSettings;
}
