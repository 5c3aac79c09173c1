import { createHash } from "node:crypto";

import { ReviewInstructError } from "../../errors.js";
import type { Settings } from "../../state/settings.js";
import type { ConversationRunner } from "../conversation-runner.js";
import { type ServerConnection, getStatus } from "./connection.js";
import { readState } from "./thread-state.js";
import { type ThreadRunOptions, cancelThreadRuns, runThread } from "./thread-run.js";

export interface RemoteRunnerOptions extends Pick<ThreadRunOptions, "experiment" | "stallMs" | "probeMs"> {
  readonly connection: ServerConnection;
  readonly settings: Settings;
}

/** Threads that a conversation may have, one after the other. */
const maxThreads = 8;
/** Longest time that cancelling may take when everything is to stop at once. */
const cancelMs = 5_000;

/**
 * Runs conversations on a LangGraph server, each on a thread of its own id. A thread whose run nobody works on any more is
 * marked and replaced by one with an id derived from the first, so that any later run of the job finds the same chain again.
 */
export function createRemoteRunner({ connection, settings, ...rest }: RemoteRunnerOptions): ConversationRunner {
  /** How many threads of a conversation were given up, as far as this process knows. */
  const supersededCount = new Map<string, number>();

  async function isSuperseded(threadId: string): Promise<boolean | "missing"> {
    try {
      const thread = await connection.call((client) => client.threads.get(threadId));
      return thread.metadata?.["superseded"] === true;
    } catch (error) {
      if (getStatus(error) === 404) return "missing";
      throw error;
    }
  }

  /** The threads of a conversation from the first to the one in use. */
  async function getThreadChain(id: string): Promise<string[]> {
    const known = supersededCount.get(id);
    if (known !== undefined) return Array.from({ length: known + 1 }, (_, index) => getThreadId(id, index));
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
          const outcome = await runThread({ connection, settings, task, threadId, stop, ...rest });
          if (outcome !== "stuck") return outcome;
        } catch (error) {
          if (!stop.abort.aborted) throw error;
          // What cannot be cancelled goes on, and a later run of the job finds it.
          await cancelThreadRuns({ connection, threadId }, cancelMs);
          return "stopped";
        }
      }
      throw new ReviewInstructError(
        "server_thread_stuck",
        `the server ${connection.url} left ${maxThreads} threads of this conversation busy. Look at its workers, then run again with --retry-failed.`,
        { threads: maxThreads },
      );
    },
    async deleteThread(id) {
      // The first last: it leads to the others, should this be interrupted.
      for (const threadId of (await getThreadChain(id)).reverse()) {
        await connection
          .call((client) => client.threads.delete(threadId))
          .catch((error: unknown) => {
            if (getStatus(error) !== 404) throw error;
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
          (state) => readState(state).turn,
          (error: unknown) => {
            if (getStatus(error) === 404) return null;
            throw error;
          },
        );
    },
  };
}

/** The conversation's own id, and after that ids derived from it. */
export function getThreadId(id: string, index: number): string {
  if (index === 0) return id;
  const hex = createHash("sha256").update(`${id} ${index}`).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-");
}
