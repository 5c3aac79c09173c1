import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";

import PQueue from "p-queue";

import { createReviewInstructGraph } from "../src/graph/review-instruct.js";
import type { CallModel } from "../src/model-calls/model-call.js";
import { openTracing } from "../src/tracing/open-tracing.js";
import { type LangSmithMode, getRefusedUrl, startLangSmithServer } from "../tests/support/langsmith-server.js";
import { createScriptedCaller, createScriptedSettings, defaultChat } from "../tests/support/scripted-chat.js";

/**
 * Measures what tracing costs a job, with a LangSmith that works and with one that fails in several ways.
 *
 * Reports wall time and CPU time of the conversations, peak memory, the time that closing takes, and the time from then until
 * the process exits. Every measurement runs in its own process and is compared with the same job without tracing.
 *
 *     npx tsx bench/tracing.ts --conversations 100 --concurrency 16 --latency 50 --turns 3
 */
const createOption = (defaultValue: string) => ({ type: "string" as const, default: defaultValue });
const { values } = parseArgs({
  options: {
    conversations: createOption("100"),
    concurrency: createOption("16"),
    latency: createOption("50"),
    turns: createOption("3"),
    /** Set in the processes that are measured. */
    child: { type: "boolean", default: false },
  },
});

interface Measurement {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly rssMb: number;
  readonly closeMs: number;
  readonly dropped: number;
  readonly warning: string;
  /** End of the job in milliseconds since 1970. */
  readonly endedAt: number;
}

async function runJob(): Promise<Measurement> {
  const longText = "Words that say little but take their room. ".repeat(40);
  const callScripted = createScriptedCaller((model, call) => (model === "candidate" ? `${longText} ${call}` : defaultChat(model, call)));
  const callModel: CallModel = async (request, config) => {
    await delay(Number(values.latency));
    return callScripted(request, config);
  };
  const settings = createScriptedSettings({ turns: Number(values.turns) });
  const graph = createReviewInstructGraph({ callModel });
  const warnings: string[] = [];
  const tracing = await openTracing({ env: process.env, onWarning: (warning) => warnings.push(warning) });
  const runConversation = async (id: string) => {
    const config = tracing.getRunConfig({ id, seedTitle: id, settings, fingerprint: "bench" });
    await graph.invoke({ instruction: `Explain ${id}.` }, { ...config, configurable: { thread_id: id }, context: settings });
  };
  const queue = new PQueue({ concurrency: Number(values.concurrency) });
  const startedAt = performance.now();
  const startCpu = process.cpuUsage();
  await queue.addAll(Array.from({ length: Number(values.conversations) }, (_, index) => () => runConversation(`conversation ${index}`)));
  const wallMs = performance.now() - startedAt;
  const closeStartedAt = performance.now();
  const { dropped } = await tracing.close();
  const { user, system } = process.cpuUsage(startCpu);
  return {
    wallMs,
    cpuMs: (user + system) / 1000,
    rssMb: process.resourceUsage().maxRSS / 1024,
    closeMs: performance.now() - closeStartedAt,
    dropped,
    warning: warnings.join(" | "),
    endedAt: Date.now(),
  };
}

async function measure(variables: Record<string, string>): Promise<Measurement & { exitMs: number }> {
  const args = [...process.execArgv, ...process.argv.slice(1), "--child"];
  const child = spawn(process.execPath, args, { env: { ...process.env, ...variables }, stdio: ["ignore", "pipe", "inherit"] });
  const [output] = await Promise.all([text(child.stdout), once(child, "exit")]);
  const measurement: Measurement = JSON.parse(output);
  return { ...measurement, exitMs: Date.now() - measurement.endedAt };
}

async function main(): Promise<void> {
  const calls = 3 * Number(values.turns) + 2 * (Number(values.turns) - 1);
  console.log(
    `${values.conversations} conversations of about ${calls} calls, ${values.latency} ms per call, ${values.concurrency} conversations at once`,
  );
  const baseline = await measure({ LANGSMITH_TRACING: "false" });
  const formatMs = (value: number) => `${Math.round(value)} ms`.padStart(9);
  const printLine = (name: string, { wallMs, cpuMs, rssMb, closeMs, exitMs, dropped, warning }: Awaited<ReturnType<typeof measure>>) => {
    const wall = `wall ${formatMs(wallMs)} x${(wallMs / baseline.wallMs).toFixed(2)}`;
    const cpu = `cpu ${formatMs(cpuMs)} x${(cpuMs / baseline.cpuMs).toFixed(2)}`;
    const end = `close ${formatMs(closeMs)}  exit ${formatMs(exitMs)}  dropped ${dropped}  ${warning}`;
    console.log(`${name.padEnd(10)} ${wall}  ${cpu}  rss ${Math.round(rssMb)} MB  ${end}`);
  };
  printLine("off", baseline);
  const modes: readonly LangSmithMode[] = ["ok", "hang", 500, 401, 429];
  for (const mode of modes) {
    const server = await startLangSmithServer(mode);
    printLine(String(mode), await measure({ LANGSMITH_TRACING: "true", LANGSMITH_ENDPOINT: server.url, LANGSMITH_API_KEY: "bench" }));
    await server.close();
  }
  printLine("refused", await measure({ LANGSMITH_TRACING: "true", LANGSMITH_ENDPOINT: await getRefusedUrl(), LANGSMITH_API_KEY: "bench" }));
}

if (values.child) console.log(JSON.stringify(await runJob()));
else await main();
