import { isDeepStrictEqual } from "node:util";

import { FailedConversations } from "../failed-conversations.js";
import type { ModelRequest } from "../model-call.js";

/** What requests with the same settings and response format met. */
export interface ShapeHistory {
  readonly request: Pick<ModelRequest, "settings" | "responseFormat">;
  /** When the newest successful request was sent; null before the first success. */
  lastSuccessSentAt: number | null;
  /** A check of the endpoint that is in flight. */
  check: { readonly startedAt: number; readonly failure: Promise<unknown> } | null;
}

/** What the calls to one endpoint and model, with one key, met so far. Times are milliseconds on one monotonic clock. */
export class EndpointHistory {
  /** True once the endpoint sent anything. */
  hasAnswered = false;
  hasSucceeded = false;
  /** When the first response ended that was no chat completion; null before. */
  unreadableAt: number | null = null;
  /** From when on a request is one after the wait that a quota asked for; null without such a rejection. */
  quotaWaitEndsAt: number | null = null;
  /** Conversations refused by themselves. If too many were, the endpoint has the fault. */
  readonly refusedConversations = new FailedConversations();
  readonly #shapes: ShapeHistory[] = [];

  getShape({ settings, responseFormat }: ModelRequest): ShapeHistory {
    const known = this.#shapes.find(
      ({ request }) => request.responseFormat?.name === responseFormat?.name && isDeepStrictEqual(request.settings, settings),
    );
    if (known) return known;
    const shape: ShapeHistory = { request: { settings, responseFormat }, lastSuccessSentAt: null, check: null };
    if (this.#shapes.push(shape) > 100) this.#shapes.shift();
    return shape;
  }

  /** Records a successful request that was sent at `sentAt`. */
  onSuccess(shape: ShapeHistory, sentAt: number): void {
    this.hasAnswered = this.hasSucceeded = true;
    this.refusedConversations.clear();
    shape.lastSuccessSentAt = Math.max(shape.lastSuccessSentAt ?? 0, sentAt);
    if (this.quotaWaitEndsAt !== null && sentAt >= this.quotaWaitEndsAt) this.quotaWaitEndsAt = null;
  }
}
