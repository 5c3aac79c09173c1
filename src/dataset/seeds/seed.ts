import { z } from "zod";

const loneSurrogate = /\p{Cs}/u;

function describeType(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** An error message that reads on after the field's name. */
function expected(what: string) {
  return ({ input }: { readonly input?: unknown }) => (input === undefined ? "is missing" : `is ${describeType(input)} where ${what} is expected`);
}

const anyText = z
  .string({ error: expected("a string") })
  .refine((words) => !loneSurrogate.test(words), "holds half of a character (a lone surrogate such as \\ud83d), which no model can be sent");
const text = anyText.refine((words) => words.trim() !== "", "is empty");

/** One message of a conversation that a seed begins with. */
export const SeedMessage = z.object(
  { role: z.enum(["system", "user", "assistant"], { error: 'must be "system", "user" or "assistant"' }), content: text },
  { error: expected("an object with `role` and `content`") },
);
export type SeedMessage = z.infer<typeof SeedMessage>;

const messages = z
  .array(SeedMessage, { error: expected("a list of messages") })
  .refine((list) => list.at(-1)?.role === "user", "must end with a message of the user: that is what will be answered");

/**
 * What a conversation starts from: either `instruction`, with the `input` it works on where there is one, or `messages`, a
 * conversation to take up whose last message is the user's. `system` may stand beside both. Texts are kept as they stand,
 * white space included; fields of other names are dropped.
 */
export const Seed = z
  .object(
    { instruction: text.optional(), input: anyText.optional(), system: anyText.optional(), messages: messages.optional() },
    { error: expected("an object") },
  )
  .superRefine((seed, context) => {
    const fault = (field: string, message: string) => context.addIssue({ code: "custom", path: [field], message });
    if (seed.messages === undefined) {
      if (seed.instruction === undefined) fault("instruction", "is missing");
      return;
    }
    if (seed.instruction !== undefined) fault("instruction", "cannot stand beside `messages`: leave one of them out");
    if (seed.input?.trim()) fault("input", "belongs to an instruction and cannot stand beside `messages`: put it into the last message");
    const other = seed.messages.find(({ role, content }) => role === "system" && content.trim() !== seed.system?.trim());
    if (seed.system?.trim() && other) fault("system", "differs from the system message in `messages`: leave one of them out");
  });
export type Seed = z.infer<typeof Seed>;
