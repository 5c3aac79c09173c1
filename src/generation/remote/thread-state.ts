import { AIMessage, type BaseMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import { z } from "zod";

import { ModelCallError, InvalidResponseError, ReviewInstructError, modelCallCodes, responseErrorCodes } from "../../errors.js";
import type { ConversationOutput } from "../../state/conversation.js";
import { EarlyStop, Turn } from "../../state/records.js";

const WireMessage = z.object({ type: z.string(), content: z.union([z.string(), z.array(z.any())]), id: z.string().nullish() });

/** A thread's state as a server tells it. What it says is checked: it may be another graph's. */
const WireState = z.object({
  /** Not `next`, which leaves out steps whose result is kept but was not yet applied when the server died. */
  tasks: z.array(z.unknown()),
  checkpoint: z.object({ checkpoint_id: z.string().nullish() }).nullish(),
  values: z.object({
    messages: z.array(WireMessage).default([]),
    turns: z.array(Turn).default([]),
    earlyStop: EarlyStop.nullable().default(null),
  }),
});

/** How far a conversation on a server is. */
export interface ServerState {
  /** Null where nothing was begun. */
  readonly checkpoint: string | null;
  /** Whether a run would go on with it instead of beginning. */
  readonly begun: boolean;
  /** Null while it is not finished. */
  readonly output: ConversationOutput | null;
  readonly turn: number | null;
}

/** Reads `GET /threads/{id}/state`. Throws `server_state_invalid` for a state that is not of our graph. */
export function readState(state: unknown): ServerState {
  const read = WireState.safeParse(state);
  if (!read.success) {
    throw new ReviewInstructError(
      "server_state_invalid",
      "the thread on the server does not hold a conversation of this graph: is it served by another version?",
      {},
      { cause: read.error },
    );
  }
  const { tasks, checkpoint, values } = read.data;
  const { messages, turns, earlyStop } = values;
  const finished = tasks.length === 0 && turns.length > 0;
  return {
    checkpoint: checkpoint?.checkpoint_id ?? null,
    begun: tasks.length > 0,
    output: finished ? { messages: messages.flatMap(toMessage), turns, earlyStop } : null,
    turn: turns.at(-1)?.turn ?? null,
  };
}

function toMessage({ type, content, id }: z.infer<typeof WireMessage>): BaseMessage[] {
  const fields = { content, id: id ?? undefined };
  if (type === "system") return [new SystemMessage(fields)];
  if (type === "human") return [new HumanMessage(fields)];
  return type === "ai" ? [new AIMessage(fields)] : [];
}

const Caller = z.object({ name: z.string(), group: z.string().optional() });

const CallFailure = z.object({
  code: z.enum(modelCallCodes),
  message: z.string(),
  details: z.object({ caller: Caller, endpoint: z.string(), model: z.string(), status: z.number().optional(), attempts: z.number() }),
});
const ReplyFailure = z.object({
  code: z.enum(responseErrorCodes),
  message: z.string(),
  details: z.object({ caller: Caller, model: z.string(), attempts: z.number(), rawText: z.string() }),
});
const Failure = z.object({ type: z.literal("error"), code: z.string(), message: z.string(), details: z.record(z.string(), z.unknown()) });

/** The error that the graph told of in stream mode "custom" before it failed; none in any other event. */
export function parseErrorEvent(event: unknown): ReviewInstructError[] {
  const failure = Failure.safeParse(event);
  if (!failure.success) return [];
  const { code, message, details } = failure.data;
  const call = CallFailure.safeParse(failure.data);
  if (call.success) return [new ModelCallError(call.data.code, message, call.data.details)];
  const reply = ReplyFailure.safeParse(failure.data);
  if (reply.success) return [new InvalidResponseError(reply.data.code, message, reply.data.details)];
  return [new ReviewInstructError(code, message, details)];
}

const ServerError = z.object({ error: z.string(), message: z.string() });
const errorCodesByName: Record<string, string> = { InputError: "invalid_input", QuorumError: "quorum_not_met" };

/** What a server itself says of a failed run: the error's name and message, and no more. */
export function toServerError(data: unknown): ReviewInstructError {
  const { error, message } = ServerError.catch({ error: "Error", message: JSON.stringify(data) ?? "no reason given" }).parse(data);
  return new ReviewInstructError(errorCodesByName[error] ?? "server_run_failed", `the run failed on the server: ${message}`, { error });
}
