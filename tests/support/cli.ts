import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

export interface CliResult {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliRun {
  readonly child: ChildProcess;
  readonly result: Promise<CliResult>;
  /** Resolves as soon as stderr contains the text. */
  said(text: string): Promise<void>;
}

export interface CliOptions {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  readonly input?: string;
  /** A command, with its arguments, that runs the one that follows them. Default: none. */
  readonly within?: readonly string[];
}

/** Starts the built command line as a user would, with no key and no tracing in its environment unless given. */
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
  const said = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (stderr.includes(text)) resolve();
      };
      child.stderr.on("data", look);
      child.on("close", () => reject(new Error(`ended without saying "${text}": ${stderr}`)));
      look();
    });
  return { child, result, said };
}

export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return startCli(args, options).result;
}
