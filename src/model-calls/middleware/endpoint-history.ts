import { isDeepStrictEqual } from "node:util";

import type { ModelRequest } from "../model-call.js";

/** Above this number of different conversations refused in a row, without any success, the endpoint has the fault. */
const maxRefusedConversations = 20;

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
  readonly #shapes: ShapeHistory[] = [];
  readonly #refusedConversations = new Set<unknown>();

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
    this.#refusedConversations.clear();
    shape.lastSuccessSentAt = Math.max(shape.lastSuccessSentAt ?? 0, sentAt);
    if (this.quotaWaitEndsAt !== null && sentAt >= this.quotaWaitEndsAt) this.quotaWaitEndsAt = null;
  }

  /** Records that a conversation was refused by itself. Returns true if too many were, one after the other. */
  addRefusedConversation(conversation: unknown): boolean {
    return this.#refusedConversations.add(conversation).size > maxRefusedConversations;
  }
}
