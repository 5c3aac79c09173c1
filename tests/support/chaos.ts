import { createHash } from "node:crypto";

import type { FailedResponse, LoggedRequest, OpenAiServer, ChatResponse, ServerRequest } from "./openai-server.js";

/** A request's identity: what it says, whatever attempt it is. */
export function bodyKey({ body }: Pick<ServerRequest, "body">): string {
  return createHash("sha256").update(JSON.stringify(body)).digest("hex");
}

/** Numbers in [0, 1) that a seed decides (mulberry32, public domain). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * A bad day of an endpoint: 10 % 429 (half of them without Retry-After), 5 % 500, 5 % broken JSON (half of them in the
 * body, half in a review), 2 % resets, 1 % hanging for ever.
 */
export function badDay(random: () => number): (request: ServerRequest) => ChatResponse | FailedResponse | undefined {
  return ({ role }) => {
    const luck = random();
    if (luck < 0.05) return { status: 429, body: { error: { message: "slow down" } } };
    if (luck < 0.055) return { status: 429, headers: { "retry-after": "1" }, body: { error: { message: "slow down" } } };
    if (luck < 0.1) return { status: 429, headers: { "retry-after-ms": "60" }, body: { error: { message: "slow down" } } };
    if (luck < 0.15) return { status: 500, body: { error: { message: "oops" } } };
    if (luck < 0.175) return { status: 200, body: '{"choices": [{"mess' };
    if (luck < 0.2 && role === "reviewer") return { content: '{"critique": "cut off in the mid' };
    if (luck < 0.22) return { reset: true };
    if (luck < 0.23) return { hang: true };
    return undefined;
  };
}

/** Requests that were answered properly and asked again all the same, once for every repetition. */
export function repaid(server: OpenAiServer, wasAnswered: (request: LoggedRequest) => boolean): string[] {
  const answered = new Set<string>();
  const again: string[] = [];
  for (const request of server.requests) {
    const key = bodyKey(request);
    if (answered.has(key)) again.push(key);
    if (wasAnswered(request)) answered.add(key);
  }
  return again;
}
