import { setTimeout as delay } from "node:timers/promises";

import type { Thread } from "@langchain/langgraph-sdk";

import { ReviewInstructError } from "../errors.js";
import { superstepsOf } from "../graph/review-instruct.js";
import { withDeadline } from "../models/call/deadline.js";
import type { ConversationOutput } from "../state/conversation.js";
import { turnsOf } from "../state/settings.js";
import type { Stop } from "./conversation.js";
import { leadingError } from "./fatal.js";
import { type ServerConnection, isOutage, statusOf } from "./server-connection.js";
import { type ServerRunFacts, serverRunLabels } from "./server-run-labels.js";
import { type ServerState, failuresIn, readState, serverErrorOf } from "./server-state.js";

export interface ServerThreadOptions extends ServerRunFacts {
  readonly connection: ServerConnection;
  readonly threadId: string;
  readonly stop: Stop;
  /** How long a run may show no progress, in milliseconds. Default ten minutes. */
  readonly stallMs?: number;
  /** How long a cancelled run may take to stop before it counts as one that nobody works on. Default ten seconds. */
  readonly probeMs?: number;
}

const defaultStallMs = 600_000;

/** How watching a run came to its end. `over` says nothing of success: the thread's state does. */
type Watched = "over" | "busy" | "cut" | "stalled";

/** Runs that a conversation may lose (cancelled by others, stalled, cut off) before it fails. */
const mostLostRuns = 5;

/**
 * Brings the conversation to its end on one thread, from wherever it stands. Gives `stuck` for a thread that is busy with a
 * run which nobody works on any more, and marks it; throws what went wrong in the run.
 */
export async function converse(options: ServerThreadOptions): Promise<ConversationOutput | "drained" | "stuck"> {
  const { connection, threadId, stop } = options;
  for (let lostRuns = 0; lostRuns < mostLostRuns; lostRuns++) {
    if (stop.drain.aborted) return "drained";
    try {
      const outcome = await attempt(options);
      if (outcome !== "again") return outcome;
    } catch (error) {
      // A server that was killed may come back without the thread.
      if (statusOf(error) !== 404) throw error;
    }
  }
  throw new ReviewInstructError(
    "server_run_lost",
    `thread ${threadId} on ${connection.url}: ${mostLostRuns} runs were cancelled or showed no progress. Run again with --retry-failed.`,
    { thread: threadId },
  );
}

/** One run on the thread, or none where none is needed. */
async function attempt(options: ServerThreadOptions): Promise<ConversationOutput | "stuck" | "again"> {
  const { connection } = options;
  const thread = await openThread(options);
  if (thread === null || thread.metadata?.["replaced"] === true) return "stuck";
  if (thread.status === "busy" && !(await freed(options))) return markReplaced(options);
  const { output, begun } = await stateOf(options);
  if (output) return output;
  const outages = connection.outages;
  const watched = await watchRun(options, begun);
  if (watched !== "over" && watched !== "cut") return "again";
  const after = await stateOf(options);
  if (after.output) return after.output;
  // A server that was away has perhaps lost the run; one that was not goes on with it.
  if (connection.outages === outages && !(await settled(options))) return markReplaced(options);
  return "again";
}

/** Null where the id belongs to somebody else's thread. */
async function openThread({ connection, conversation, threadId, stop }: ServerThreadOptions): Promise<Thread | null> {
  const metadata = { conversation: conversation.id, seed_index: conversation.index };
  try {
    return await connection.call(
      // With the graph's name the server shows a state that outlived its thread, too.
      (client) => client.threads.create({ threadId, graphId: connection.assistant.graph_id, ifExists: "do_nothing", metadata }),
      stop.abort,
    );
  } catch (error) {
    if (statusOf(error) === 409) return null;
    throw error;
  }
}

async function markReplaced({ connection, threadId, stop }: ServerThreadOptions): Promise<"stuck"> {
  await connection.call((client) => client.threads.update(threadId, { metadata: { replaced: true } }), stop.abort);
  return "stuck";
}

async function stateOf({ connection, threadId, stop }: ServerThreadOptions): Promise<ServerState> {
  return readState(await connection.call((client) => client.threads.getState(threadId), stop.abort));
}

/** Starts a run and follows it. Throws the error that it fails with. */
async function watchRun(options: ServerThreadOptions, begun: boolean): Promise<Watched> {
  const { connection, settings, conversation, threadId, stop } = options;
  let stalled = false;
  // A relay, not AbortSignal.any: Node 20 may collect a signal that only a request knows, and then never fires it.
  const cut = new AbortController();
  const onAbort = () => cut.abort(stop.abort.reason);
  const watch = stallWatch(options, () => {
    stalled = true;
    cut.abort();
  });
  const told: ReviewInstructError[] = [];
  const { config, metadata } = serverRunLabels(options);
  stop.abort.throwIfAborted();
  stop.abort.addEventListener("abort", onAbort, { once: true });
  try {
    const events = connection.client.runs.stream(threadId, connection.assistant.assistant_id, {
      input: begun ? null : { ...conversation.seed },
      context: settings,
      config: { recursion_limit: superstepsOf(turnsOf(settings)), ...config },
      metadata,
      streamMode: ["custom"],
      multitaskStrategy: "reject",
      onDisconnect: "continue",
      signal: cut.signal,
    });
    for await (const { event, data } of events) {
      watch.refresh();
      if (event === "custom") told.push(...failuresIn(data));
      else if (event === "error") throw told.length > 0 ? leadingError(new AggregateError(told)) : serverErrorOf(data);
    }
  } catch (error) {
    stop.abort.throwIfAborted();
    if (!stalled) return causeOfCut(error);
  } finally {
    stop.abort.removeEventListener("abort", onAbort);
    watch.stop();
  }
  stop.abort.throwIfAborted();
  return stalled ? "stalled" : "over";
}

function causeOfCut(error: unknown): Watched {
  const status = statusOf(error);
  if (status === 409 || status === 422) return "busy";
  if (isOutage(error)) return "cut";
  throw error;
}

/** Calls back when a run has told nothing for too long. Waiting for a free worker does not count. */
function stallWatch(options: ServerThreadOptions, onStall: () => void): { refresh(): void; stop(): void } {
  let over = false;
  const look = async () => {
    const queued = await isQueued(options).catch(() => false);
    if (over) return;
    if (queued) timer.refresh();
    else onStall();
  };
  const timer = setTimeout(() => void look(), options.stallMs ?? defaultStallMs);
  return {
    refresh: () => timer.refresh(),
    stop: () => {
      over = true;
      clearTimeout(timer);
    },
  };
}

async function isQueued({ connection, threadId, stop }: ServerThreadOptions): Promise<boolean> {
  const runs = await connection.call((client) => client.runs.list(threadId, { status: "pending" }), stop.abort);
  return runs.length > 0;
}

/** Waits for a run that goes on without us. False where it had to be cancelled, in vain. */
async function settled(options: ServerThreadOptions): Promise<boolean> {
  const { stallMs = defaultStallMs, stop } = options;
  let seen: string | null = null;
  for (let since = Date.now(); Date.now() - since < stallMs; await delay(1_000, undefined, { signal: stop.abort })) {
    if (!(await isBusy(options))) return true;
    const { checkpoint } = await stateOf(options);
    if (checkpoint !== seen || (await isQueued(options))) [seen, since] = [checkpoint, Date.now()];
  }
  return freed(options);
}

/** Cancels what runs on the thread. False where that has no effect: then nobody works on it, and the thread stays busy for ever. */
async function freed(options: ServerThreadOptions): Promise<boolean> {
  const { probeMs = 10_000, stop } = options;
  const until = Date.now() + probeMs;
  await cancelRuns(options, probeMs, stop.abort);
  while (await isBusy(options)) {
    if (Date.now() > until) return false;
    await delay(250, undefined, { signal: stop.abort });
  }
  return true;
}

async function isBusy({ connection, threadId, stop }: ServerThreadOptions): Promise<boolean> {
  const thread = await connection.call((client) => client.threads.get(threadId), stop.abort);
  return thread.status === "busy";
}

/**
 * Cancels every run of a thread that waits or works; the calls that they make are broken off. At best: whether it had an
 * effect, the thread tells. Some servers answer only once the run has ended, so it is given up after `timeoutMs`.
 */
export async function cancelRuns(
  { connection, threadId }: Pick<ServerThreadOptions, "connection" | "threadId">,
  timeoutMs: number,
  outer?: AbortSignal,
): Promise<void> {
  const { runs } = connection.client;
  const cancelling = async (signal: AbortSignal) => {
    const active = (await runs.list(threadId, { signal })).filter(({ status }) => status === "pending" || status === "running");
    await Promise.all(active.map(({ run_id }) => runs.cancel(threadId, run_id, false, "interrupt", { signal })));
  };
  await withDeadline(timeoutMs, outer, cancelling).catch(() => undefined);
}
