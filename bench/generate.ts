import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/**
 * What `generate` costs beside a bare fetch loop that makes the same requests and beside LangGraph running nodes that do
 * nothing, and how its memory grows with the job:
 *
 *     npm run build && npx tsx bench/generate.ts [--conversations 400] [--latency 50] [--concurrency 64] [--small 1000 --large 52000]
 *
 * Endpoint, loop and job are processes of their own. The ideal is the longer of the two: every conversation's seven calls in
 * a row, `concurrency` of them at a time; or all eleven, through as many slots. Memory is measured with the offline model.
 */
const option = (fallback: string) => ({ type: "string" as const, default: fallback });
const { values } = parseArgs({
  options: { conversations: option("400"), latency: option("50"), concurrency: option("64"), small: option("1000"), large: option("0") },
});
const root = fileURLToPath(new URL("..", import.meta.url));
const main = join(root, "dist/cli/main.js");
if (!existsSync(main)) throw new Error("build first: npm run build");
const folder = await mkdtemp(join(tmpdir(), "review-instruct-bench-"));

interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
}

/** Runs a command to its end and reads what the kernel counted for it. */
async function measure(args: readonly string[]): Promise<Measured> {
  const started = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, LANGSMITH_TRACING: "false" },
  });
  let peakKiB = 0;
  let ticks = 0;
  const look = setInterval(() => {
    void Promise.all([readFile(`/proc/${child.pid}/status`, "utf8"), readFile(`/proc/${child.pid}/stat`, "utf8")])
      .then(([status, stat]) => {
        peakKiB = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? peakKiB);
        const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        ticks = Number(fields[11]) + Number(fields[12]);
      })
      // The process is gone: the last look counts.
      .catch(() => clearInterval(look));
  }, 50);
  const [code]: unknown[] = await once(child, "close");
  clearInterval(look);
  if (code !== 0) throw new Error(`exit code ${String(code)}: ${args.join(" ")}`);
  return { seconds: (performance.now() - started) / 1000, cpuSeconds: ticks / 100, peakMiB: peakKiB / 1024 };
}

async function seedFile(count: number): Promise<string> {
  const file = join(folder, `seeds-${count}.jsonl`);
  const lines = Array.from({ length: count }, (_, index) =>
    JSON.stringify({ instruction: `Explain how device number ${index} works and what one should check about it.` }),
  );
  await writeFile(file, `${lines.join("\n")}\n`);
  return file;
}

async function startEndpoint(latencyMs: number): Promise<{ baseUrl: string; child: ChildProcess }> {
  const child = spawn(process.execPath, ["--import", "tsx", join(root, "bench/slow-endpoint.ts"), String(latencyMs)], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line]: unknown[] = await once(child.stdout, "data");
  return { baseUrl: String(line).trim(), child };
}

const shown = ({ seconds, cpuSeconds, peakMiB }: Measured) =>
  `${seconds.toFixed(1)} s wall, ${cpuSeconds.toFixed(1)} s CPU, ${peakMiB.toFixed(0)} MiB at most`;

async function speed(): Promise<void> {
  const [conversations, latencyMs, concurrency] = [Number(values.conversations), Number(values.latency), Number(values.concurrency)];
  const { baseUrl, child } = await startEndpoint(latencyMs);
  try {
    const path = (Math.ceil(conversations / concurrency) * 7 * latencyMs) / 1000;
    const slots = (conversations * 11 * latencyMs) / concurrency / 1000;
    const ideal = Math.max(path, slots);
    const bare = await measure(["--import", "tsx", join(root, "bench/bare-loop.ts"), baseUrl, values.conversations, values.concurrency]);
    const empty = await measure(["--import", "tsx", join(root, "bench/empty-graph.ts"), values.conversations, values.concurrency]);
    const job = await measure([
      main,
      "generate",
      await seedFile(conversations),
      "--output",
      join(folder, "job"),
      "--quiet",
      "--model",
      "openai:bench",
      "--base-url",
      baseUrl,
      "--concurrency",
      values.concurrency,
      "--max-concurrency",
      values.concurrency,
    ]);
    console.log(`${conversations} conversations x 11 calls of ${latencyMs} ms, concurrency ${concurrency}; ideal ${ideal.toFixed(1)} s`);
    console.log(`bare fetch loop: ${shown(bare)}`);
    console.log(`empty graph:     ${shown(empty)}`);
    console.log(`generate:        ${shown(job)}`);
    console.log(`generate / ideal ${(job.seconds / ideal).toFixed(2)}, generate / bare ${(job.seconds / bare.seconds).toFixed(2)}`);
  } finally {
    child.kill();
  }
}

async function memory(): Promise<void> {
  const run = async (count: number) =>
    measure([main, "generate", await seedFile(count), "--output", join(folder, `offline-${count}`), "--quiet", "--concurrency", values.concurrency]);
  const [small, large] = [await run(Number(values.small)), await run(Number(values.large))];
  console.log(`offline, ${values.small} seeds: ${shown(small)}`);
  console.log(`offline, ${values.large} seeds: ${shown(large)}`);
  console.log(`memory ratio ${(large.peakMiB / small.peakMiB).toFixed(2)}`);
}

try {
  if (Number(values.conversations) > 0) await speed();
  if (Number(values.large) > 0) await memory();
} finally {
  await rm(folder, { recursive: true, force: true });
}
