import type { RunnableConfig } from "@langchain/core/runnables";

import type { ModelRequest } from "./model-call.js";

/** So many conversations in a row, without any response to one, are no coincidence. */
const maxInARow = 20;

/** Counts the conversations that failed by their own fault since the endpoint's last response to one. */
export class FailedConversations {
  #ids = new Set<unknown>();

  get count(): number {
    return this.#ids.size;
  }

  clear(): void {
    if (this.#ids.size > 0) this.#ids = new Set();
  }

  /** Adds a conversation: that of the thread, else the call alone. Returns true if too many failed. */
  add(request: ModelRequest, { configurable }: RunnableConfig): boolean {
    const id: unknown = configurable?.thread_id ?? request;
    return this.#ids.add(id).size > maxInARow;
  }
}
