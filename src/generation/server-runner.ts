import { createHash } from "node:crypto";

import { ReviewInstructError } from "../errors.js";
import type { Settings } from "../state/settings.js";
import type { ConversationRunner } from "./conversation.js";
import { type ServerConnection, statusOf } from "./server-connection.js";
import { readState } from "./server-state.js";
import { type ServerThreadOptions, cancelRuns, converse } from "./server-thread.js";

export interface ServerRunnerOptions extends Pick<ServerThreadOptions, "experiment" | "stallMs" | "probeMs"> {
  readonly connection: ServerConnection;
  readonly settings: Settings;
}

/** Threads that a conversation may have, one after the other. */
const mostThreads = 8;
/** Longest time that cancelling may take when everything is to stop at once. */
const cancelMs = 5_000;

/**
 * Runs conversations on a LangGraph server, each on a thread of its own id. A thread whose run nobody works on any more is
 * marked and replaced by one with an id derived from the first, so that any later run of the job finds the same chain again.
 */
export function serverRunner({ connection, settings, ...rest }: ServerRunnerOptions): ConversationRunner {
  /** How many threads of a conversation were given up, as far as this process knows. */
  const givenUp = new Map<string, number>();

  async function isReplaced(threadId: string): Promise<boolean | "missing"> {
    try {
      const thread = await connection.call((client) => client.threads.get(threadId));
      return thread.metadata?.["replaced"] === true;
    } catch (error) {
      if (statusOf(error) === 404) return "missing";
      throw error;
    }
  }

  /** The threads of a conversation from the first to the one in use. */
  async function chainOf(id: string): Promise<string[]> {
    const known = givenUp.get(id);
    if (known !== undefined) return Array.from({ length: known + 1 }, (_, index) => threadIdOf(id, index));
    const chain: string[] = [];
    for (let index = 0; index < mostThreads; index++) {
      const threadId = threadIdOf(id, index);
      const replaced = await isReplaced(threadId);
      if (replaced !== "missing") chain.push(threadId);
      if (replaced !== true) break;
    }
    return chain;
  }

  return {
    async run(conversation, stop) {
      for (let index = givenUp.get(conversation.id) ?? 0; index < mostThreads; index++) {
        givenUp.set(conversation.id, index);
        const threadId = threadIdOf(conversation.id, index);
        try {
          const outcome = await converse({ connection, settings, conversation, threadId, stop, ...rest });
          if (outcome !== "stuck") return outcome;
        } catch (error) {
          if (!stop.abort.aborted) throw error;
          // What cannot be cancelled goes on, and a later run of the job finds it.
          await cancelRuns({ connection, threadId }, cancelMs);
          return "drained";
        }
      }
      throw new ReviewInstructError(
        "server_threads_stuck",
        `the server ${connection.url} left ${mostThreads} threads of this conversation busy. Look at its workers, then run again with --retry-failed.`,
        { threads: mostThreads },
      );
    },
    async forget(id) {
      // The first last: it leads to the others, should this be interrupted.
      for (const threadId of (await chainOf(id)).reverse()) {
        await connection
          .call((client) => client.threads.delete(threadId))
          .catch((error: unknown) => {
            if (statusOf(error) !== 404) throw error;
          });
      }
      givenUp.delete(id);
    },
    async turnOf(id) {
      const threadId = (await chainOf(id)).at(-1);
      if (threadId === undefined) return null;
      return connection
        .call((client) => client.threads.getState(threadId))
        .then(
          (state) => readState(state).turn,
          (error: unknown) => {
            if (statusOf(error) === 404) return null;
            throw error;
          },
        );
    },
  };
}

/** The conversation's own id, and after that ids derived from it. */
export function threadIdOf(id: string, index: number): string {
  if (index === 0) return id;
  const hex = createHash("sha256").update(`${id} ${index}`).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-");
}
