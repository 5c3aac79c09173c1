import { z } from "zod";

/** Fields of a request that a setting decides, or that other parts of the program rely on, with what to use instead. */
const reservedFields: Readonly<Record<string, string>> = {
  model: "set `model`",
  messages: "prompts are not part of it",
  stream: "streaming is decided by the program",
  stream_options: "streaming is decided by the program",
  n: "one response is used",
  best_of: "one response is used",
  response_format: "the format is chosen by the program",
  temperature: "set `temperature`",
  top_p: "set `topP`",
  seed: "set `samplingSeed`",
  stop: "set `stop`",
  max_tokens: "set `maxOutputTokens`",
  max_completion_tokens: "set `maxOutputTokens`",
  frequency_penalty: "set `frequencyPenalty`",
  presence_penalty: "set `presencePenalty`",
  repetition_penalty: "set `repetitionPenalty`",
};

/** Fields that are added to the body of each request. */
export const ExtraBody = z
  .record(z.string(), z.unknown())
  .superRefine((body, context) => {
    for (const name of Object.keys(body)) {
      const advice = Object.hasOwn(reservedFields, name) ? reservedFields[name] : undefined;
      if (advice !== undefined) context.addIssue({ code: "custom", path: [name], message: `is no extra field of a request: ${advice}` });
    }
    if (!isJson(body)) context.addIssue({ code: "custom", message: "must be a JSON object" });
  })
  .meta({
    title: "Extra body",
    description: "Fields to add to the body of each request, e.g. `chat_template_kwargs`. Command line and library only; never a key.",
    examples: [{ chat_template_kwargs: { enable_thinking: false } }],
  });

/** Header names that the connection itself decides. */
const reservedHeaders = /^(?:host|connection|content-.*|transfer-encoding|accept|accept-encoding|upgrade|expect|te|trailer|keep-alive)$/i;

/** Headers that are added to each request, by the environment variable that holds their value. */
export const Headers = z
  .record(
    z
      .string()
      .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "must be the name of an HTTP header")
      .refine((name) => !reservedHeaders.test(name), "is a header that the connection itself decides"),
    z.string().regex(/^[A-Z_][A-Z0-9_]*$/, "must be the name of an environment variable, in capitals, and not the value itself"),
  )
  .meta({
    title: "Headers",
    description:
      "HTTP headers to add, each with the name of the environment variable that holds its value, e.g. `api-key: AZURE_OPENAI_API_KEY`. Command line and library only.",
    examples: [{ "api-key": "AZURE_OPENAI_API_KEY" }],
  });

/** Returns true for a value that is the same after a way through JSON. */
function isJson(value: unknown): boolean {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isJson);
  if (typeof value !== "object") return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && Object.values(value).every(isJson);
}
