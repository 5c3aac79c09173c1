import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

export interface CliResult {
  /** Null if a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliRun {
  readonly child: ChildProcess;
  readonly result: Promise<CliResult>;
  /** Waits until stderr contains the text. */
  waitForOutput(text: string): Promise<void>;
}

export interface CliOptions {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  readonly input?: string;
  /** A command, with its arguments, that runs the command line. Default: none. */
  readonly within?: readonly string[];
}

/** Starts the built command line as a user would, without key or tracing in its environment unless given. */
export function startCli(args: readonly string[], options: CliOptions = {}): CliRun {
  const { PATH = "", HOME = "" } = process.env;
  const [command = process.execPath, ...rest] = [...(options.within ?? []), process.execPath, main, ...args];
  const child = spawn(command, rest, { cwd: options.cwd, env: { PATH, HOME, ...options.env }, stdio: "pipe" });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdin.end(options.input ?? "");
  const result = new Promise<CliResult>((resolve, reject) => {
    child.on("error", reject).on("close", (code) => resolve({ code, stdout, stderr }));
  });
  const waitForOutput = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const check = () => {
        if (stderr.includes(text)) resolve();
      };
      child.stderr.on("data", check);
      child.on("close", () => reject(new Error(`ended without printing "${text}": ${stderr}`)));
      check();
    });
  return { child, result, waitForOutput };
}

export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return startCli(args, options).result;
}
