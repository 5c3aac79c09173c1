import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";

import PQueue from "p-queue";

import { createReviewInstructGraph } from "../src/graph/review-instruct.js";
import type { CallModel } from "../src/model-calls/model-call.js";
import { openTracing } from "../src/tracing/open-tracing.js";
import { type LangSmithMode, getRefusedUrl, startLangSmithServer } from "../tests/support/langsmith-server.js";
import { defaultChat, createScriptedCaller, createScriptedSettings } from "../tests/support/scripted-chat.js";

/**
 * What tracing costs a job, with LangSmith well and with LangSmith dead in several ways: wall time and CPU of the
 * conversations, peak memory, the wait at the end, and the time from there until the process is gone. Each in a process of
 * its own, against the same job without tracing.
 *
 *     npx tsx bench/tracing.ts --conversations 100 --concurrency 16 --latency 50 --turns 3
 */
const option = (fallback: string) => ({ type: "string" as const, default: fallback });
const { values } = parseArgs({
  options: {
    conversations: option("100"),
    concurrency: option("16"),
    latency: option("50"),
    turns: option("3"),
    /** Set in the processes that are measured. */
    child: { type: "boolean", default: false },
  },
});

interface Measured {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly rssMb: number;
  readonly closeMs: number;
  readonly dropped: number;
  readonly warning: string;
  /** When the job was done, in milliseconds since 1970. */
  readonly doneAt: number;
}

async function job(): Promise<Measured> {
  const long = "Words that say little but take their room. ".repeat(40);
  const scripted = createScriptedCaller((model, call) => (model === "candidate" ? `${long} ${call}` : defaultChat(model, call)));
  const models: CallModel = async (request, config) => {
    await delay(Number(values.latency));
    return scripted(request, config);
  };
  const settings = createScriptedSettings({ turns: Number(values.turns) });
  const graph = createReviewInstructGraph({ callModel: models });
  const warnings: string[] = [];
  const tracing = await openTracing({ env: process.env, onWarning: (warning) => warnings.push(warning) });
  const converse = async (id: string) => {
    const config = tracing.getRunConfig({ id, seedTitle: id, settings, fingerprint: "bench" });
    await graph.invoke({ instruction: `Explain ${id}.` }, { ...config, configurable: { thread_id: id }, context: settings });
  };
  const queue = new PQueue({ concurrency: Number(values.concurrency) });
  const start = performance.now();
  const before = process.cpuUsage();
  await queue.addAll(Array.from({ length: Number(values.conversations) }, (_, index) => () => converse(`conversation ${index}`)));
  const wallMs = performance.now() - start;
  const closing = performance.now();
  const { dropped } = await tracing.close();
  const { user, system } = process.cpuUsage(before);
  return {
    wallMs,
    cpuMs: (user + system) / 1000,
    rssMb: process.resourceUsage().maxRSS / 1024,
    closeMs: performance.now() - closing,
    dropped,
    warning: warnings.join(" | "),
    doneAt: Date.now(),
  };
}

async function measure(variables: Record<string, string>): Promise<Measured & { exitMs: number }> {
  const args = [...process.execArgv, ...process.argv.slice(1), "--child"];
  const child = spawn(process.execPath, args, { env: { ...process.env, ...variables }, stdio: ["ignore", "pipe", "inherit"] });
  const [output] = await Promise.all([text(child.stdout), once(child, "exit")]);
  const measured: Measured = JSON.parse(output);
  return { ...measured, exitMs: Date.now() - measured.doneAt };
}

async function main(): Promise<void> {
  const calls = 3 * Number(values.turns) + 2 * (Number(values.turns) - 1);
  console.log(`${values.conversations} conversations of about ${calls} calls of ${values.latency} ms, ${values.concurrency} at once`);
  const off = await measure({ LANGSMITH_TRACING: "false" });
  const ms = (value: number) => `${Math.round(value)} ms`.padStart(9);
  const line = (name: string, { wallMs, cpuMs, rssMb, closeMs, exitMs, dropped, warning }: Awaited<ReturnType<typeof measure>>) => {
    const ratios = `wall ${ms(wallMs)} x${(wallMs / off.wallMs).toFixed(2)}  cpu ${ms(cpuMs)} x${(cpuMs / off.cpuMs).toFixed(2)}`;
    console.log(
      `${name.padEnd(10)} ${ratios}  rss ${Math.round(rssMb)} MB  close ${ms(closeMs)}  exit ${ms(exitMs)}  dropped ${dropped}  ${warning}`,
    );
  };
  line("off", off);
  const modes: readonly LangSmithMode[] = ["ok", "hang", 500, 401, 429];
  for (const mode of modes) {
    const server = await startLangSmithServer(mode);
    line(String(mode), await measure({ LANGSMITH_TRACING: "true", LANGSMITH_ENDPOINT: server.url, LANGSMITH_API_KEY: "bench" }));
    await server.close();
  }
  line("refused", await measure({ LANGSMITH_TRACING: "true", LANGSMITH_ENDPOINT: await getRefusedUrl(), LANGSMITH_API_KEY: "bench" }));
}

if (values.child) console.log(JSON.stringify(await job()));
else await main();
