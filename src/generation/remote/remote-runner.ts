import { createHash } from "node:crypto";

import { ReviewInstructError } from "../../errors.js";
import type { Settings } from "../../state/settings.js";
import type { ConversationRunner } from "../conversation-runner.js";
import { type ServerConnection, getHttpStatus } from "./connection.js";
import { cancelThreadRuns } from "./thread-requests.js";
import { type ThreadRunOptions, runThread } from "./thread-run.js";
import { parseThreadState } from "./thread-state.js";

/** Options of {@link createRemoteRunner}. */
export interface RemoteRunnerOptions extends Pick<ThreadRunOptions, "experiment" | "stallTimeoutMs" | "cancelTimeoutMs"> {
  readonly connection: ServerConnection;
  readonly settings: Settings;
}

/** Maximum number of threads of one conversation, the superseded ones included. */
const maxThreads = 8;
/** Maximum time that cancelling a run takes after an abort. */
const abortTimeoutMs = 5_000;

/**
 * Creates a runner that runs conversations on a LangGraph server, each on a thread with the conversation's id.
 *
 * A thread that stays busy although no worker owns its run is marked as superseded and replaced. The id of the new thread is
 * derived from the first one, so that every later run of the job finds the same chain of threads.
 */
export function createRemoteRunner({ connection, settings, ...rest }: RemoteRunnerOptions): ConversationRunner {
  /** Number of superseded threads by conversation, as far as this process knows. */
  const supersededCount = new Map<string, number>();

  async function isSuperseded(threadId: string): Promise<boolean | "missing"> {
    try {
      const thread = await connection.call((client) => client.threads.get(threadId));
      return thread.metadata?.["superseded"] === true;
    } catch (error) {
      if (getHttpStatus(error) === 404) return "missing";
      throw error;
    }
  }

  /** Returns the threads of a conversation, from the first to the one in use. */
  async function getThreadChain(id: string): Promise<string[]> {
    const count = supersededCount.get(id);
    if (count !== undefined) return Array.from({ length: count + 1 }, (_, index) => getThreadId(id, index));
    const chain: string[] = [];
    for (let index = 0; index < maxThreads; index++) {
      const threadId = getThreadId(id, index);
      const superseded = await isSuperseded(threadId);
      if (superseded !== "missing") chain.push(threadId);
      if (superseded !== true) break;
    }
    return chain;
  }

  return {
    async run(task, stop) {
      for (let index = supersededCount.get(task.id) ?? 0; index < maxThreads; index++) {
        supersededCount.set(task.id, index);
        const threadId = getThreadId(task.id, index);
        try {
          const result = await runThread({ connection, settings, task, threadId, stop, ...rest });
          if (result !== "stuck") return result;
        } catch (error) {
          if (!stop.abort.aborted) throw error;
          // A run that cannot be cancelled continues, and a later run of the job finds it.
          await cancelThreadRuns({ connection, threadId }, abortTimeoutMs);
          return "stopped";
        }
      }
      throw new ReviewInstructError(
        "server_thread_stuck",
        `the server ${connection.url} left ${maxThreads} threads of this conversation busy. Check its workers, then run again with --retry-failed.`,
        { threads: maxThreads },
      );
    },
    async deleteThread(id) {
      // The first thread is deleted last: without it an interrupted deletion could not find the others.
      for (const threadId of (await getThreadChain(id)).reverse()) {
        await connection
          .call((client) => client.threads.delete(threadId))
          .catch((error: unknown) => {
            if (getHttpStatus(error) !== 404) throw error;
          });
      }
      supersededCount.delete(id);
    },
    async getCurrentTurn(id) {
      const threadId = (await getThreadChain(id)).at(-1);
      if (threadId === undefined) return null;
      return connection
        .call((client) => client.threads.getState(threadId))
        .then(
          (state) => parseThreadState(state).turn,
          (error: unknown) => {
            if (getHttpStatus(error) === 404) return null;
            throw error;
          },
        );
    },
  };
}

/** Returns the id of a conversation's thread: the conversation's own id first, then ids derived from it. */
export function getThreadId(id: string, index: number): string {
  if (index === 0) return id;
  const hex = createHash("sha256").update(`${id} ${index}`).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-");
}
