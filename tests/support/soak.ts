import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { ConversationRow } from "../../src/dataset/conversation-row.js";
import type { FailureRow } from "../../src/jobs/output-folder.js";
import { badDay, bodyKey, repaid, seededRandom } from "./chaos.js";
import { type CliResult, startCli } from "./cli.js";
import { type LoggedRequest, startOpenAiServer } from "./openai-server.js";
import { range, readFailures, readRows } from "./rows.js";
import type { createTemporaryFiles } from "./temporary-files.js";

export interface SoakOptions {
  readonly files: ReturnType<typeof createTemporaryFiles>;
  readonly conversations: number;
  /** Conversations under way at once in each process. */
  readonly concurrency: number;
  /** Further flags of each process that works on the job side by side. */
  readonly processes: readonly (readonly string[])[];
  /** Times that all of them are killed at once, each at another random moment. */
  readonly kills: number;
  /** Decides faults and moments. */
  readonly seed: number;
}

export interface SoakResult {
  /** How the processes of the last round ended. */
  readonly results: readonly CliResult[];
  /** Of all processes together. A torn line would have thrown. */
  readonly rows: readonly ConversationRow[];
  readonly failures: readonly FailureRow[];
  /** Requests that were answered properly and came again, and which of them no kill excuses. */
  readonly repaid: { readonly all: readonly string[]; readonly inexcusable: readonly string[] };
}

/** Puts a job through a bad day of its endpoint and some kills, and then lets it finish. */
export async function soak({ files, conversations, concurrency, processes, kills, seed }: SoakOptions): Promise<SoakResult> {
  const random = seededRandom(seed);
  const faulty = new WeakSet<object>();
  const misbehave = badDay(random);
  const server = await startOpenAiServer((request) => {
    const bad = misbehave(request);
    if (bad) faulty.add(request);
    return bad ?? { latencyMs: 5 };
  });
  try {
    const topics = range(conversations).map((index) => JSON.stringify({ instruction: `How is thing ${index} made?` }));
    const seeds = await files.write(topics.join("\n"));
    const output = files.path(`soak-${seed}`);
    // One call in five fails: with the usual six retries, one call in 70,000 would run out of them.
    const patience = ["--timeout", "3", "--max-retries", "12"];
    const endpoint = ["--model", "openai:test", "--base-url", server.baseUrl, "--concurrency", `${concurrency}`, ...patience];
    const start = () => processes.map((flags) => startCli(["generate", seeds, "--output", output, ...endpoint, ...flags, "--quiet"]));

    const excused = new Set<string>();
    for (let kill = 0; kill < kills; kill++) {
      const runs = start();
      // Not before something new was done.
      const goal = server.requests.length + 150 + Math.floor(random() * 350);
      while (server.requests.length < goal) {
        const over = runs.find(({ child }) => child.exitCode !== null);
        if (over) throw new Error(`it ended before it was killed: ${JSON.stringify(await over.result)}`);
        await delay(5);
      }
      for (const { child } of runs) child.kill("SIGKILL");
      for (const { result } of runs) await result;
      for (const key of underWay(server.requests)) excused.add(key);
    }
    const results = await Promise.all(start().map(({ result }) => result));
    const names = await readdir(output);
    const ofAll = async <Row>(kind: string, read: (path: string) => Promise<Row[]>) =>
      (await Promise.all(names.filter((name) => name.startsWith(kind)).map((name) => read(join(output, name))))).flat();
    const again = repaid(server, (request) => request.answered && !faulty.has(request));
    return {
      results,
      rows: await ofAll("conversations", readRows),
      failures: await ofAll("failures", readFailures),
      repaid: { all: again, inexcusable: again.filter((key) => !excused.has(key)) },
    };
  } finally {
    await server.close();
  }
}

/** The requests of the step that each conversation is in: of one role, after the last one of another. */
function underWay(requests: readonly LoggedRequest[]): Set<string> {
  const steps = new Map<string, { role: string; keys: string[] }>();
  for (const request of requests) {
    const topic = /How is thing \d+ made/.exec(JSON.stringify(request.body))?.[0] ?? "";
    const step = steps.get(topic);
    if (step?.role === request.role) step.keys.push(bodyKey(request));
    else steps.set(topic, { role: request.role, keys: [bodyKey(request)] });
  }
  return new Set([...steps.values()].flatMap(({ keys }) => keys));
}
