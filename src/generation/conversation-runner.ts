import type { Seed } from "../dataset/seeds/seed.js";
import type { StopSignals } from "../jobs/stop-signals.js";
import type { CacheStats } from "../model-calls/middleware/response-cache.js";
import type { UsageSummary } from "../model-calls/budget/usage-summary.js";
import type { EndpointStatus } from "../model-calls/rate-limit/rate-limiter.js";
import type { ConversationOutput } from "../state/conversation.js";

/** One conversation to generate. */
export interface ConversationTask {
  /** Id of the row and of the thread. */
  readonly id: string;
  /** Position of the seed in its file, from 0. */
  readonly index: number;
  readonly seed: Seed;
}

/** Runs conversations and resumes the ones that were interrupted. */
export interface ConversationRunner {
  /**
   * Runs a conversation to its end, resuming it if it was started before.
   *
   * @returns The finished conversation, or `stopped` if a stop signal came first.
   */
  run(task: ConversationTask, stop: StopSignals): Promise<ConversationOutput | "stopped">;
  /** Deletes the saved state of a conversation. */
  deleteThread(id: string): Promise<void>;
  /** Returns the number of the last turn that a conversation started; null if none was started. */
  getCurrentTurn(id: string): Promise<number | null>;
}

/** Generates conversations, in this process or on a LangGraph server, and reports what they used. */
export interface ConversationBackend {
  readonly runner: ConversationRunner;
  /** Returns the usage of all runs of the output folder. */
  getUsage(): UsageSummary;
  /** Returns the state of every endpoint called from this process. */
  getEndpoints(): readonly EndpointStatus[];
  /** Returns null without a response cache. */
  getCacheStats(): CacheStats | null;
  /** Releases models, checkpoints and connections. */
  close(): void | Promise<void>;
}
