import type { ChatResponse, ServerRequest } from "./openai-server.js";

/** Role that makes a request. */
export type RequestRole = "candidate" | "reviewer" | "chairman";

export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

/** The part of a chat request that tests read. */
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

/** Returns the role by the name of the schema, otherwise by the JSON keys that the system prompt asks for. */
export function getRequestRole(body: ChatBody): RequestRole {
  const name = body.response_format?.json_schema?.name;
  if (name === "review") return "reviewer";
  if (name === "next_instruction") return "chairman";
  const system = body.messages.find((message) => message.role === "system" || message.role === "developer")?.content ?? "";
  const format = system.slice(system.lastIndexOf("Reply with one JSON object"));
  if (!format.startsWith("Reply with one JSON object")) return "candidate";
  if (format.includes('"critique"')) return "reviewer";
  return format.includes('"instruction"') ? "chairman" : "candidate";
}

type Completion = ChatResponse & { readonly content: string | null };

/** Creates a complete chat completion as OpenAI sends it. */
export function createChatCompletion(request: ServerRequest, response: Completion) {
  return {
    ...createHeader(request, response, "chat.completion"),
    choices: [
      { index: 0, message: { role: "assistant", ...createMessage(response, response.content) }, finish_reason: response.finishReason ?? "stop" },
    ],
    ...(response.usage === null ? {} : { usage: createUsage(request, response) }),
  };
}

/** Creates the same completion as the events of a stream, a few words each. */
export function createChatCompletionEvents(request: ServerRequest, response: Completion) {
  const createEvent = (delta: object, finishReason: string | null = null) => ({
    ...createHeader(request, response, "chat.completion.chunk"),
    choices: [{ index: 0, delta, finish_reason: finishReason }],
  });
  const parts = response.content?.match(/(?:\S+\s*|\s+){1,4}/g) ?? [];
  const includesUsage = response.usage !== null && request.body.stream_options?.include_usage;
  return [
    createEvent({ role: "assistant", ...createMessage(response, "") }),
    ...parts.map((content) => createEvent({ content })),
    createEvent({}, response.finishReason ?? "stop"),
    ...(includesUsage ? [{ ...createHeader(request, response, "chat.completion.chunk"), choices: [], usage: createUsage(request, response) }] : []),
  ];
}

function createHeader(request: ServerRequest, response: Completion, object: string) {
  return { id: `chatcmpl-${request.index}`, object, created: 1_700_000_000, model: response.model ?? request.body.model };
}

function createMessage(response: Completion, content: string | null) {
  return {
    content,
    ...(response.refusal === undefined ? {} : { refusal: response.refusal }),
    ...(response.reasoning === undefined ? {} : { reasoning_content: response.reasoning }),
  };
}

/** Counts about four characters per token. */
function createUsage(request: ServerRequest, response: Completion): Record<string, unknown> {
  const input = Math.ceil(request.body.messages.reduce((sum, message) => sum + message.content.length, 0) / 4);
  const output = Math.ceil((response.content ?? response.refusal ?? "").length / 4);
  return response.usage ?? { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };
}
