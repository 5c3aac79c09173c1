import type { Thread } from "@langchain/langgraph-sdk";

import { ReviewInstructError } from "../../errors.js";
import type { ConversationOutput } from "../../state/conversation.js";
import { getHttpStatus } from "./connection.js";
import { type StreamRunOptions, streamRun } from "./stream-run.js";
import { getThreadState } from "./thread-requests.js";
import { cancelAndWait, waitUntilIdle } from "./wait-for-thread.js";

/** Options of {@link runThread}. */
export type ThreadRunOptions = StreamRunOptions;

/** Maximum number of runs that a conversation can lose (cancelled by others, stalled, disconnected) before it fails. */
const maxLostRuns = 5;

/**
 * Runs the conversation of one thread to its end, resuming it if it was started before.
 *
 * @returns `stuck` for a thread that stays busy although no worker owns its run, after marking it as superseded.
 * @throws The error that the run failed with, or `server_run_lost`.
 */
export async function runThread(options: ThreadRunOptions): Promise<ConversationOutput | "stopped" | "stuck"> {
  const { connection, threadId, stop } = options;
  for (let lostRuns = 0; lostRuns < maxLostRuns; lostRuns++) {
    if (stop.gracefulStop.aborted) return "stopped";
    try {
      const result = await tryRun(options);
      if (result !== "retry") return result;
    } catch (error) {
      // A server that was killed can come back without the thread.
      if (getHttpStatus(error) !== 404) throw error;
    }
  }
  throw new ReviewInstructError(
    "server_run_lost",
    `thread ${threadId} on ${connection.url}: ${maxLostRuns} runs were cancelled or showed no progress. Run again with --retry-failed.`,
    { thread: threadId },
  );
}

/** Makes one run on the thread, unless the conversation is finished already. */
async function tryRun(options: ThreadRunOptions): Promise<ConversationOutput | "stuck" | "retry"> {
  const { connection } = options;
  const thread = await openThread(options);
  if (thread === null || thread.metadata?.["superseded"] === true) return "stuck";
  if (thread.status === "busy" && !(await cancelAndWait(options))) return markSuperseded(options);
  const { output, isResumable } = await getThreadState(options);
  if (output) return output;
  const { outages } = connection;
  const outcome = await streamRun(options, isResumable);
  if (outcome === "busy" || outcome === "stalled") return "retry";
  const state = await getThreadState(options);
  if (state.output) return state.output;
  // After an outage the server may have lost the run. Without one, the run continues.
  if (connection.outages === outages && !(await waitUntilIdle(options))) return markSuperseded(options);
  return "retry";
}

/** Creates the thread, or returns the existing one. Null if the thread of that id belongs to another user. */
async function openThread({ connection, task, threadId, stop }: ThreadRunOptions): Promise<Thread | null> {
  const metadata = { conversation: task.id, seed_index: task.index };
  try {
    return await connection.call(
      // With the name of the graph, the server also returns a state that it kept without its thread.
      (client) => client.threads.create({ threadId, graphId: connection.assistant.graph_id, ifExists: "do_nothing", metadata }),
      stop.abort,
    );
  } catch (error) {
    if (getHttpStatus(error) === 409) return null;
    throw error;
  }
}

async function markSuperseded({ connection, threadId, stop }: ThreadRunOptions): Promise<"stuck"> {
  await connection.call((client) => client.threads.update(threadId, { metadata: { superseded: true } }), stop.abort);
  return "stuck";
}
