import type { Seed } from "../dataset/seeds/seed.js";
import type { StopSignals } from "../jobs/stop-signals.js";
import type { CacheStats } from "../model-calls/middleware/response-cache.js";
import type { UsageSummary } from "../model-calls/budget/usage-summary.js";
import type { EndpointStatus } from "../model-calls/rate-limit/rate-limiter.js";
import type { ConversationOutput } from "../state/conversation.js";

/** A conversation to generate. */
export interface ConversationTask {
  /** Id of the row and of the thread. */
  readonly id: string;
  /** Place of the seed in its file, from 0. */
  readonly index: number;
  readonly seed: Seed;
}

/** Runs conversations, here or elsewhere, and resumes them where they stopped. */
export interface ConversationRunner {
  /** Returns the finished conversation, or `stopped` if told to stop first. */
  run(task: ConversationTask, stop: StopSignals): Promise<ConversationOutput | "stopped">;
  /** Deletes what was kept to resume the conversation. */
  deleteThread(id: string): Promise<void>;
  /** Returns the turn of an unfinished conversation; null if none was started. */
  getCurrentTurn(id: string): Promise<number | null>;
}

/** Where conversations are generated: models in this process, or a LangGraph server. */
export interface ConversationBackend {
  readonly runner: ConversationRunner;
  /** Returns what all runs of the output folder used. */
  getUsage(): UsageSummary;
  /** Returns the state of every endpoint called from this process. */
  getEndpoints(): readonly EndpointStatus[];
  /** Returns null without a response cache. */
  getCacheStats(): CacheStats | null;
  close(): void | Promise<void>;
}
