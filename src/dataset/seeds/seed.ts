import { z } from "zod";

const loneSurrogate = /\p{Cs}/u;

function describeType(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** Creates an error message that continues a sentence which begins with the field's name. */
function createTypeMessage(expectedType: string) {
  return ({ input }: { readonly input?: unknown }) =>
    input === undefined ? "is missing" : `is ${describeType(input)} where ${expectedType} is expected`;
}

const anyText = z
  .string({ error: createTypeMessage("a string") })
  .refine(
    (value) => !loneSurrogate.test(value),
    "contains half of a character (a lone surrogate such as \\ud83d), which cannot be sent to a model",
  );
const text = anyText.refine((value) => value.trim() !== "", "is empty");

/** One message of the conversation that a seed continues. */
export const SeedMessage = z.object(
  { role: z.enum(["system", "user", "assistant"], { error: 'must be "system", "user" or "assistant"' }), content: text },
  { error: createTypeMessage("an object with `role` and `content`") },
);
export type SeedMessage = z.infer<typeof SeedMessage>;

const messages = z
  .array(SeedMessage, { error: createTypeMessage("a list of messages") })
  .refine((list) => list.at(-1)?.role === "user", "must end with a user message, which is the one to be answered");

/** Earlier turns of an Alpaca row, as LLaMA-Factory defines them. */
const history = z.array(z.tuple([text, text], { error: createTypeMessage("a pair [instruction, answer]") }), {
  error: createTypeMessage("a list of pairs [instruction, answer]"),
});

const seedFields = { instruction: text.optional(), input: anyText.optional(), system: anyText.optional(), messages: messages.optional() };

/**
 * What a conversation starts from: an `instruction` with an optional `input`, or `messages` that end with a user message.
 *
 * Both can have a `system` prompt. Texts keep their white space. `extra` holds the other fields of the row as JSON text.
 */
export const Seed = z.object({ ...seedFields, extra: z.string().optional() }, { error: createTypeMessage("an object") }).superRefine(checkFields);
export type Seed = z.infer<typeof Seed>;

/** A seed as files hold it: with `history`, and without `extra`. */
export const FileSeed = z.object({ ...seedFields, history: history.optional() }, { error: createTypeMessage("an object") }).superRefine(checkFields);
export type FileSeed = z.infer<typeof FileSeed>;

/** Checks which fields go together. */
function checkFields(seed: Omit<FileSeed, "history"> & { readonly history?: unknown }, context: z.RefinementCtx): void {
  const addIssue = (field: string, message: string) => context.addIssue({ code: "custom", path: [field], message });
  if (seed.messages === undefined) {
    if (seed.instruction === undefined) addIssue("instruction", "is missing");
    return;
  }
  if (seed.instruction !== undefined) addIssue("instruction", "cannot be combined with `messages`: leave one of them out");
  if (seed.input?.trim()) addIssue("input", "belongs to an instruction and cannot be combined with `messages`: put it into the last message");
  if (seed.history !== undefined) addIssue("history", "cannot be combined with `messages`: put the earlier turns into `messages`");
  const otherSystem = seed.messages.find(({ role, content }) => role === "system" && content.trim() !== seed.system?.trim());
  if (seed.system?.trim() && otherSystem) addIssue("system", "differs from the system message in `messages`: leave one of them out");
}
