import { AIMessage, type BaseMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import { z } from "zod";

import { InvalidResponseError, ModelCallError, ReviewInstructError, modelCallCodes, responseErrorCodes } from "../../errors.js";
import type { ConversationOutput } from "../../state/conversation.js";
import { EarlyStop, Turn } from "../../state/records.js";

const ServerMessage = z.object({ type: z.string(), content: z.union([z.string(), z.array(z.any())]), id: z.string().nullish() });

/** Response of `GET /threads/{id}/state`. Validated, as the thread can belong to another graph. */
const ServerThreadState = z.object({
  /** `next` would miss steps whose result was saved but not yet applied when the server was killed. */
  tasks: z.array(z.unknown()),
  checkpoint: z.object({ checkpoint_id: z.string().nullish() }).nullish(),
  values: z.object({
    messages: z.array(ServerMessage).default([]),
    turns: z.array(Turn).default([]),
    earlyStop: EarlyStop.nullable().default(null),
  }),
});

/** State of a conversation on a server. */
export interface ThreadState {
  /** Null if nothing was saved yet. */
  readonly checkpointId: string | null;
  /** Whether a run continues the conversation instead of starting it. */
  readonly isResumable: boolean;
  /** Null until the conversation is finished. */
  readonly output: ConversationOutput | null;
  /** The last turn that was started; null if none was. */
  readonly turn: number | null;
}

/**
 * Parses the response of `GET /threads/{id}/state`.
 *
 * @throws {ReviewInstructError} `server_state_invalid` for the state of another graph.
 */
export function parseThreadState(state: unknown): ThreadState {
  const parsed = ServerThreadState.safeParse(state);
  if (!parsed.success) {
    throw new ReviewInstructError(
      "server_state_invalid",
      "the thread on the server does not contain a conversation of this graph. Check that the server runs the same version.",
      {},
      { cause: parsed.error },
    );
  }
  const { tasks, checkpoint, values } = parsed.data;
  const { messages, turns, earlyStop } = values;
  const isFinished = tasks.length === 0 && turns.length > 0;
  return {
    checkpointId: checkpoint?.checkpoint_id ?? null,
    isResumable: tasks.length > 0,
    output: isFinished ? { messages: messages.flatMap(toMessages), turns, earlyStop } : null,
    turn: turns.at(-1)?.turn ?? null,
  };
}

/** Converts a message; other kinds, such as tool messages, are left out. */
function toMessages({ type, content, id }: z.infer<typeof ServerMessage>): BaseMessage[] {
  const fields = { content, id: id ?? undefined };
  if (type === "system") return [new SystemMessage(fields)];
  if (type === "human") return [new HumanMessage(fields)];
  return type === "ai" ? [new AIMessage(fields)] : [];
}

const Caller = z.object({ name: z.string(), group: z.string().optional() });

const ModelCallErrorEvent = z.object({
  code: z.enum(modelCallCodes),
  message: z.string(),
  details: z.object({ caller: Caller, endpoint: z.string(), model: z.string(), status: z.number().optional(), attempts: z.number() }),
});
const InvalidResponseErrorEvent = z.object({
  code: z.enum(responseErrorCodes),
  message: z.string(),
  details: z.object({ caller: Caller, model: z.string(), attempts: z.number(), rawText: z.string() }),
});
const ErrorEvent = z.object({ type: z.literal("error"), code: z.string(), message: z.string(), details: z.record(z.string(), z.unknown()) });

/**
 * Restores the error of an event of stream mode "custom".
 *
 * @returns An empty list for any other event.
 */
export function parseErrorEvent(event: unknown): ReviewInstructError[] {
  const parsed = ErrorEvent.safeParse(event);
  if (!parsed.success) return [];
  const { code, message, details } = parsed.data;
  const modelCall = ModelCallErrorEvent.safeParse(parsed.data);
  if (modelCall.success) return [new ModelCallError(modelCall.data.code, message, modelCall.data.details)];
  const invalidResponse = InvalidResponseErrorEvent.safeParse(parsed.data);
  if (invalidResponse.success) return [new InvalidResponseError(invalidResponse.data.code, message, invalidResponse.data.details)];
  return [new ReviewInstructError(code, message, details)];
}

const ServerError = z.object({ error: z.string(), message: z.string() });
const errorCodesByName: Record<string, string> = { InputError: "invalid_input", QuorumError: "quorum_not_met" };

/** Converts the server's own error event, which has only the error's name and message. */
export function toServerError(data: unknown): ReviewInstructError {
  const { error, message } = ServerError.catch({ error: "Error", message: JSON.stringify(data) ?? "no reason given" }).parse(data);
  return new ReviewInstructError(errorCodesByName[error] ?? "server_run_failed", `the run failed on the server: ${message}`, { error });
}
