import { setTimeout as delay } from "node:timers/promises";

import type { Thread } from "@langchain/langgraph-sdk";

import { ReviewInstructError } from "../../errors.js";
import { recursionLimitFor } from "../../graph/review-instruct.js";
import { withTimeout } from "../../model-calls/attempt/with-timeout.js";
import type { ConversationOutput } from "../../state/conversation.js";
import { resolveSettings } from "../../state/resolve-settings.js";
import type { StopSignals } from "../../jobs/stop-signals.js";
import { unwrapAggregateError } from "../../jobs/job-stopping-errors.js";
import { type ServerConnection, isOutage, getStatus } from "./connection.js";
import { type RunLabelsInput, getRunLabels } from "./run-labels.js";
import { type ServerState, parseErrorEvent, readState, toServerError } from "./thread-state.js";

export interface ThreadRunOptions extends RunLabelsInput {
  readonly connection: ServerConnection;
  readonly threadId: string;
  readonly stop: StopSignals;
  /** How long a run may show no progress, in milliseconds. Default ten minutes. */
  readonly stallMs?: number;
  /** How long a cancelled run may take to stop before it counts as one that nobody works on. Default ten seconds. */
  readonly probeMs?: number;
}

const defaultStallMs = 600_000;

/** How watching a run came to its end. `over` says nothing of success: the thread's state does. */
type RunOutcome = "over" | "busy" | "cut" | "stalled";

/** Runs that a conversation may lose (cancelled by others, stalled, cut off) before it fails. */
const maxLostRuns = 5;

/**
 * Brings the conversation to its end on one thread, from wherever it stands. Gives `stuck` for a thread that is busy with a
 * run which nobody works on any more, and marks it; throws what went wrong in the run.
 */
export async function runThread(options: ThreadRunOptions): Promise<ConversationOutput | "stopped" | "stuck"> {
  const { connection, threadId, stop } = options;
  for (let lostRuns = 0; lostRuns < maxLostRuns; lostRuns++) {
    if (stop.gracefulStop.aborted) return "stopped";
    try {
      const outcome = await tryRun(options);
      if (outcome !== "again") return outcome;
    } catch (error) {
      // A server that was killed may come back without the thread.
      if (getStatus(error) !== 404) throw error;
    }
  }
  throw new ReviewInstructError(
    "server_run_lost",
    `thread ${threadId} on ${connection.url}: ${maxLostRuns} runs were cancelled or showed no progress. Run again with --retry-failed.`,
    { thread: threadId },
  );
}

/** One run on the thread, or none where none is needed. */
async function tryRun(options: ThreadRunOptions): Promise<ConversationOutput | "stuck" | "again"> {
  const { connection } = options;
  const thread = await openThread(options);
  if (thread === null || thread.metadata?.["superseded"] === true) return "stuck";
  if (thread.status === "busy" && !(await cancelAndWait(options))) return markSuperseded(options);
  const { output, begun } = await getThreadState(options);
  if (output) return output;
  const outages = connection.outages;
  const watched = await watchRun(options, begun);
  if (watched !== "over" && watched !== "cut") return "again";
  const after = await getThreadState(options);
  if (after.output) return after.output;
  // A server that was away has perhaps lost the run; one that was not goes on with it.
  if (connection.outages === outages && !(await waitUntilIdle(options))) return markSuperseded(options);
  return "again";
}

/** Null where the id belongs to somebody else's thread. */
async function openThread({ connection, task, threadId, stop }: ThreadRunOptions): Promise<Thread | null> {
  const metadata = { conversation: task.id, seed_index: task.index };
  try {
    return await connection.call(
      // With the graph's name the server shows a state that outlived its thread, too.
      (client) => client.threads.create({ threadId, graphId: connection.assistant.graph_id, ifExists: "do_nothing", metadata }),
      stop.abort,
    );
  } catch (error) {
    if (getStatus(error) === 409) return null;
    throw error;
  }
}

async function markSuperseded({ connection, threadId, stop }: ThreadRunOptions): Promise<"stuck"> {
  await connection.call((client) => client.threads.update(threadId, { metadata: { superseded: true } }), stop.abort);
  return "stuck";
}

async function getThreadState({ connection, threadId, stop }: ThreadRunOptions): Promise<ServerState> {
  return readState(await connection.call((client) => client.threads.getState(threadId), stop.abort));
}

/** Starts a run and follows it. Throws the error that it fails with. */
async function watchRun(options: ThreadRunOptions, begun: boolean): Promise<RunOutcome> {
  const { connection, settings, task, threadId, stop } = options;
  let stalled = false;
  // A relay, not AbortSignal.any: Node 20 may collect a signal that only a request knows, and then never fires it.
  const cut = new AbortController();
  const onAbort = () => cut.abort(stop.abort.reason);
  const watch = stallWatch(options, () => {
    stalled = true;
    cut.abort();
  });
  const told: ReviewInstructError[] = [];
  const { config, metadata } = getRunLabels(options);
  stop.abort.throwIfAborted();
  stop.abort.addEventListener("abort", onAbort, { once: true });
  try {
    const events = connection.client.runs.stream(threadId, connection.assistant.assistant_id, {
      input: begun ? null : { ...task.seed },
      context: settings,
      config: { recursion_limit: recursionLimitFor(resolveSettings(settings).turns), ...config },
      metadata,
      streamMode: ["custom"],
      multitaskStrategy: "reject",
      onDisconnect: "continue",
      signal: cut.signal,
    });
    for await (const { event, data } of events) {
      watch.refresh();
      if (event === "custom") told.push(...parseErrorEvent(data));
      else if (event === "error") throw told.length > 0 ? unwrapAggregateError(new AggregateError(told)) : toServerError(data);
    }
  } catch (error) {
    stop.abort.throwIfAborted();
    if (!stalled) return getDisconnectOutcome(error);
  } finally {
    stop.abort.removeEventListener("abort", onAbort);
    watch.stop();
  }
  stop.abort.throwIfAborted();
  return stalled ? "stalled" : "over";
}

function getDisconnectOutcome(error: unknown): RunOutcome {
  const status = getStatus(error);
  if (status === 409 || status === 422) return "busy";
  if (isOutage(error)) return "cut";
  throw error;
}

/** Calls back when a run has told nothing for too long. Waiting for a free worker does not count. */
function stallWatch(options: ThreadRunOptions, onStall: () => void): { refresh(): void; stop(): void } {
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

async function isQueued({ connection, threadId, stop }: ThreadRunOptions): Promise<boolean> {
  const runs = await connection.call((client) => client.runs.list(threadId, { status: "pending" }), stop.abort);
  return runs.length > 0;
}

/** Waits for a run that goes on without us. False where it had to be cancelled, in vain. */
async function waitUntilIdle(options: ThreadRunOptions): Promise<boolean> {
  const { stallMs = defaultStallMs, stop } = options;
  let seen: string | null = null;
  for (let since = Date.now(); Date.now() - since < stallMs; await delay(1_000, undefined, { signal: stop.abort })) {
    if (!(await isBusy(options))) return true;
    const { checkpoint } = await getThreadState(options);
    if (checkpoint !== seen || (await isQueued(options))) [seen, since] = [checkpoint, Date.now()];
  }
  return cancelAndWait(options);
}

/** Cancels what runs on the thread. False where that has no effect: then nobody works on it, and the thread stays busy for ever. */
async function cancelAndWait(options: ThreadRunOptions): Promise<boolean> {
  const { probeMs = 10_000, stop } = options;
  const until = Date.now() + probeMs;
  await cancelThreadRuns(options, probeMs, stop.abort);
  while (await isBusy(options)) {
    if (Date.now() > until) return false;
    await delay(250, undefined, { signal: stop.abort });
  }
  return true;
}

async function isBusy({ connection, threadId, stop }: ThreadRunOptions): Promise<boolean> {
  const thread = await connection.call((client) => client.threads.get(threadId), stop.abort);
  return thread.status === "busy";
}

/**
 * Cancels every run of a thread that waits or works; the calls that they make are broken off. At best: whether it had an
 * effect, the thread tells. Some servers answer only once the run has ended, so it is given up after `timeoutMs`.
 */
export async function cancelThreadRuns(
  { connection, threadId }: Pick<ThreadRunOptions, "connection" | "threadId">,
  timeoutMs: number,
  outer?: AbortSignal,
): Promise<void> {
  const { runs } = connection.client;
  const cancelling = async (signal: AbortSignal) => {
    const active = (await runs.list(threadId, { signal })).filter(({ status }) => status === "pending" || status === "running");
    await Promise.all(active.map(({ run_id }) => runs.cancel(threadId, run_id, false, "interrupt", { signal })));
  };
  await withTimeout(timeoutMs, outer, cancelling).catch(() => undefined);
}
