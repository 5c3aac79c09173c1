import type { RunnableConfig } from "@langchain/core/runnables";

import type { AttemptError } from "../attempt/attempt-error.js";
import type { ModelRequest } from "../model-call.js";
import { EndpointUnavailableError } from "./endpoint-unavailable-error.js";

/** So many conversations in a row, without any response to one, are no coincidence. */
const maxInARow = 20;

/** Counts the conversations that failed by their own fault since the endpoint's last response to one. */
export class FailedConversations {
  #ids = new Set<unknown>();

  clear(): void {
    if (this.#ids.size > 0) this.#ids = new Set();
  }

  /**
   * Adds a conversation: that of the thread, else the call alone.
   *
   * @throws {EndpointUnavailableError} If too many failed: the endpoint answers small requests, but none that the job makes.
   */
  add(request: ModelRequest, { configurable }: RunnableConfig, { endpoint, model }: { endpoint: string; model: string }, error: AttemptError): void {
    const id: unknown = configurable?.thread_id ?? request;
    this.#ids.add(id);
    if (this.#ids.size <= maxInARow) return;
    const reason = `failed ${this.#ids.size} conversations in a row, the last one with "${error.message}", and answers only a minimal request`;
    throw new EndpointUnavailableError(endpoint, model, reason, { cause: error }, "Look into the server's log, then resume the run.");
  }
}
