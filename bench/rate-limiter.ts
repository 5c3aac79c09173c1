import { createServer } from "node:http";
import { once } from "node:events";
import { parseArgs } from "node:util";

import { createRateLimiter } from "../src/model-calls/rate-limit/rate-limiter.js";
import type { CallModel, ModelRequest } from "../src/model-calls/model-call.js";

/**
 * What the call gate costs: many calls to a server on loopback that answers after a fixed time, through the gate and as a
 * bare loop that keeps as many fetches in flight from the start. The gate begins with 8 and has to find its way up.
 *
 *     npx tsx bench/gate.ts --calls 2000 --latency 50 --cap 64 --rounds 5
 */
const option = (fallback: string) => ({ type: "string" as const, default: fallback });
const { values } = parseArgs({ options: { calls: option("2000"), latency: option("50"), cap: option("64"), rounds: option("5") } });
const calls = Number(values.calls);
const latencyMs = Number(values.latency);
const cap = Number(values.cap);
const rounds = Number(values.rounds);

const server = createServer((incoming, response) => {
  incoming.resume();
  setTimeout(() => response.end("Yes."), latencyMs);
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
const address = server.address();
if (address === null || typeof address === "string") throw new Error("the server has no port");
const url = `http://127.0.0.1:${address.port}`;

async function call(): Promise<string> {
  const response = await fetch(url, { method: "POST", body: "Really?" });
  return response.text();
}

async function bareLoop(): Promise<void> {
  let left = calls;
  const worker = async () => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: cap }, worker));
}

async function throughGate(): Promise<void> {
  const gate = createRateLimiter({ describeEndpoint, maxConcurrency: cap });
  const usage = { inputTokens: null, outputTokens: null };
  const access: CallModel = gate.middleware(async () => ({ text: await call(), finishReason: "stop", usage, model: "bench" }));
  const settings = { model: "openai:bench", baseUrl: url, apiKeyEnv: "NONE", temperature: 0, maxOutputTokens: 100 };
  const request: ModelRequest = { caller: { name: "candidate" }, settings, messages: [] };
  await Promise.all(Array.from({ length: calls }, () => access(request, {})));
}

/** Wall seconds, and CPU milliseconds a call, server and client together. */
async function measure(work: () => Promise<void>): Promise<{ seconds: number; cpuMs: number }> {
  const start = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { seconds: (performance.now() - start) / 1000, cpuMs: (user + system) / 1000 / calls };
}

const median = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
const shown = (runs: readonly { seconds: number; cpuMs: number }[]) =>
  `${median(runs.map(({ seconds }) => seconds)).toFixed(2)} s, ${median(runs.map(({ cpuMs }) => cpuMs)).toFixed(2)} ms CPU a call`;

console.log(
  `${calls} calls of ${latencyMs} ms, ${cap} in flight: ${((calls / cap) * latencyMs) / 1000} s without any overhead; medians of ${rounds}`,
);
await bareLoop();
const bare: Awaited<ReturnType<typeof measure>>[] = [];
const gated: typeof bare = [];
for (let round = 0; round < rounds; round++) {
  bare.push(await measure(bareLoop));
  gated.push(await measure(throughGate));
}
console.log(`bare fetch loop: ${shown(bare)}`);
console.log(`through gate:    ${shown(gated)}`);
const ratios = gated.map(({ seconds }, round) => seconds / (bare[round]?.seconds ?? Number.NaN));
console.log(`gate / bare:     ${median(ratios).toFixed(3)} (each round: ${ratios.map((ratio) => ratio.toFixed(2)).join(", ")})`);
server.close();
server.closeAllConnections();
