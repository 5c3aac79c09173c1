/** A role of the conversation loop. */
export type ConversationRole = "candidate" | "reviewer" | "chairman";
import type { Reply, ServerRequest } from "./openai-server.js";

export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

/** The part of a chat request that tests look at. */
export interface ChatBody {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly temperature?: number;
  readonly max_tokens?: number;
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
  readonly response_format?: {
    readonly type: string;
    readonly json_schema?: { readonly name: string; readonly strict?: boolean; readonly schema: unknown };
  };
}

/** Who asks. A plain request is told by the JSON keys that the system prompt asks for. */
export function roleOf(body: ChatBody): ConversationRole {
  const name = body.response_format?.json_schema?.name;
  if (name === "review") return "reviewer";
  if (name === "next_instruction") return "chairman";
  const system = body.messages.find((message) => message.role === "system" || message.role === "developer")?.content ?? "";
  const asked = system.slice(system.lastIndexOf("Reply with one JSON object"));
  if (!asked.startsWith("Reply with one JSON object")) return "candidate";
  if (asked.includes('"critique"')) return "reviewer";
  return asked.includes('"instruction"') ? "chairman" : "candidate";
}

type Completion = Reply & { readonly content: string | null };

/** A whole completion as OpenAI sends it. */
export function chatCompletion(request: ServerRequest, reply: Completion) {
  return {
    ...head(request, reply, "chat.completion"),
    choices: [{ index: 0, message: { role: "assistant", ...said(reply, reply.content) }, finish_reason: reply.finish ?? "stop" }],
    ...(reply.usage === null ? {} : { usage: toCallUsage(request, reply) }),
  };
}

/** The same as the events of a stream, a few words at a time. */
export function chatCompletionEvents(request: ServerRequest, reply: Completion) {
  const event = (delta: object, finish: string | null = null) => ({
    ...head(request, reply, "chat.completion.chunk"),
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  const pieces = reply.content?.match(/(?:\S+\s*|\s+){1,4}/g) ?? [];
  const usage = reply.usage !== null && request.body.stream_options?.include_usage;
  return [
    event({ role: "assistant", ...said(reply, "") }),
    ...pieces.map((content) => event({ content })),
    event({}, reply.finish ?? "stop"),
    ...(usage ? [{ ...head(request, reply, "chat.completion.chunk"), choices: [], usage: toCallUsage(request, reply) }] : []),
  ];
}

function head(request: ServerRequest, reply: Completion, object: string) {
  return { id: `chatcmpl-${request.index}`, object, created: 1_700_000_000, model: reply.model ?? request.body.model };
}

function said(reply: Completion, content: string | null) {
  return {
    content,
    ...(reply.refusal === undefined ? {} : { refusal: reply.refusal }),
    ...(reply.thinking === undefined ? {} : { reasoning_content: reply.thinking }),
  };
}

/** About four characters a token. */
function toCallUsage(request: ServerRequest, reply: Completion): Record<string, unknown> {
  const input = Math.ceil(request.body.messages.reduce((sum, message) => sum + message.content.length, 0) / 4);
  const output = Math.ceil((reply.content ?? reply.refusal ?? "").length / 4);
  return reply.usage ?? { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };
}
