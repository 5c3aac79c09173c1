import { once } from "node:events";
import { createServer } from "node:http";
import { parseArgs } from "node:util";

import type { ModelRequest } from "../src/model-calls/model-call.js";
import { createRateLimiter } from "../src/model-calls/rate-limit/rate-limiter.js";

/**
 * Measures the cost of the rate limiter: many calls to a local server with a fixed latency, through the rate limiter and as a
 * bare loop that keeps as many fetches in flight. The rate limiter starts with 8 calls and has to find the limit.
 *
 *     npx tsx bench/rate-limiter.ts --calls 2000 --latency 50 --concurrency 64 --rounds 5
 */
const option = (defaultValue: string) => ({ type: "string" as const, default: defaultValue });
const { values } = parseArgs({
  options: { calls: option("2000"), latency: option("50"), concurrency: option("64"), rounds: option("5") },
});
const calls = Number(values.calls);
const latencyMs = Number(values.latency);
const maxConcurrency = Number(values.concurrency);
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

async function fetchText(): Promise<string> {
  const response = await fetch(url, { method: "POST", body: "Really?" });
  return response.text();
}

async function runBareLoop(): Promise<void> {
  let callsLeft = calls;
  const runWorker = async () => {
    while (callsLeft-- > 0) await fetchText();
  };
  await Promise.all(Array.from({ length: maxConcurrency }, runWorker));
}

async function runThroughRateLimiter(): Promise<void> {
  const rateLimiter = createRateLimiter({ maxConcurrency });
  const usage = { inputTokens: null, outputTokens: null };
  const callModel = rateLimiter.middleware(async () => ({ text: await fetchText(), finishReason: "stop", usage, model: "bench" }));
  const settings = { model: "openai:bench", baseUrl: url, apiKeyEnv: "NONE", temperature: 0, maxOutputTokens: 100 };
  const request: ModelRequest = { caller: { name: "candidate" }, settings, messages: [] };
  await Promise.all(Array.from({ length: calls }, () => callModel(request, {})));
}

interface Measurement {
  readonly seconds: number;
  /** Processor time per call, server and client together. */
  readonly cpuMs: number;
}

async function measure(run: () => Promise<void>): Promise<Measurement> {
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(cpuBefore);
  return { seconds: (performance.now() - startedAt) / 1000, cpuMs: (user + system) / 1000 / calls };
}

function getMedian(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
}

function formatMeasurements(measurements: readonly Measurement[]): string {
  const seconds = getMedian(measurements.map((measurement) => measurement.seconds));
  const cpuMs = getMedian(measurements.map((measurement) => measurement.cpuMs));
  return `${seconds.toFixed(2)} s, ${cpuMs.toFixed(2)} ms CPU per call`;
}

const idealSeconds = ((calls / maxConcurrency) * latencyMs) / 1000;
console.log(`${calls} calls of ${latencyMs} ms, ${maxConcurrency} in flight: ${idealSeconds} s without any overhead; medians of ${rounds} rounds`);
await runBareLoop();
const bare: Measurement[] = [];
const limited: Measurement[] = [];
for (let round = 0; round < rounds; round++) {
  bare.push(await measure(runBareLoop));
  limited.push(await measure(runThroughRateLimiter));
}
console.log(`bare fetch loop:      ${formatMeasurements(bare)}`);
console.log(`through rate limiter: ${formatMeasurements(limited)}`);
const ratios = limited.map(({ seconds }, round) => seconds / (bare[round]?.seconds ?? Number.NaN));
console.log(`ratio:                ${getMedian(ratios).toFixed(3)} (each round: ${ratios.map((ratio) => ratio.toFixed(2)).join(", ")})`);
server.close();
server.closeAllConnections();
