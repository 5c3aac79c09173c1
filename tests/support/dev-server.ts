import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, symlink } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { Client } from "@langchain/langgraph-sdk";
import { afterAll } from "vitest";

import { hasErrorCode } from "../../src/errors.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cli = join(root, "node_modules/@langchain/langgraph-cli/dist/cli/cli.mjs");

/** Options of a dev server. */
export interface DevServerOptions {
  /** Folder of the server's state. Created if it does not exist. */
  readonly folder: string;
  /**
   * Configuration file of the project.
   * @default "langgraph.json"
   */
  readonly config?: "langgraph.json" | "langgraph.auth.json";
  readonly env?: Record<string, string>;
  /** Default: a free port. */
  readonly port?: number;
  /** Maximum number of runs at once. Default: 10, the default of the server. */
  readonly workers?: number;
}

/** A running dev server. */
export interface DevServer {
  readonly url: string;
  readonly port: number;
  /** Creates the official client, with an API key if the server needs one. */
  createClient(apiKey?: string): Client;
  /** Returns everything that the server has printed. */
  getLog(): string;
  /** Kills the server and all of its processes. */
  kill(): Promise<void>;
}

/** Returns a {@link startDevServer} whose servers are killed after the tests of the file. Call it at the top of the file. */
export function useDevServers(): typeof startDevServer {
  const started: DevServer[] = [];
  afterAll(async () => {
    for (const server of started) await server.kill();
  });
  return async (options) => {
    const server = await startDevServer(options);
    started.push(server);
    return server;
  };
}

/**
 * Starts `langgraphjs dev` as `npm run dev` does, but in a separate folder, without API keys and without tracing.
 *
 * Resolves once the server responds.
 */
async function startDevServer({ folder, config = "langgraph.json", env = {}, workers, ...options }: DevServerOptions): Promise<DevServer> {
  await prepareFolder(folder, config);
  const port = options.port ?? (await getFreePort());
  const { PATH = "", HOME = "" } = process.env;
  const args = [cli, "dev", "--no-browser", "--no-reload", "--host", "127.0.0.1", "--port", `${port}`, "--config", config];
  const child = spawn(process.execPath, [...args, ...(workers === undefined ? [] : ["-n", `${workers}`])], {
    cwd: folder,
    // Starts a process group, since the command line runs the server in a child process.
    detached: true,
    env: { PATH, HOME, LANGGRAPH_CLI_NO_ANALYTICS: "1", LANGSMITH_TRACING: "false", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (log += text));
  const kill = () => killGroup(child);
  const url = `http://127.0.0.1:${port}`;
  try {
    await waitUntilUp(url, child);
  } catch (error) {
    await kill();
    throw new Error(`the dev server did not start:\n${log}`, { cause: error });
  }
  return { url, port, createClient: (apiKey) => new Client({ apiUrl: url, apiKey: apiKey ?? null }), getLog: () => log, kill };
}

/** Links the files of the project into the folder and copies the configuration. */
async function prepareFolder(folder: string, config: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await copyFile(join(root, config), join(folder, config));
  for (const name of ["src", "node_modules", "package.json", "tsconfig.json"]) {
    await symlink(join(root, name), join(folder, name)).catch((error: unknown) => {
      if (!hasErrorCode(error, "EEXIST")) throw error;
    });
  }
}

/** Returns a port that no process uses. */
export async function getFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function waitUntilUp(url: string, child: ChildProcess): Promise<void> {
  // /info responds without an API key, even if the server requires one.
  while (
    !(await fetch(`${url}/info`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it ended with ${child.exitCode ?? child.signalCode}`);
    await delay(100);
  }
}

/** Kills the whole process group with SIGKILL and resolves once no process is left. */
async function killGroup({ pid }: ChildProcess): Promise<void> {
  if (pid === undefined) return;
  try {
    for (;;) {
      process.kill(-pid, "SIGKILL");
      await delay(20);
    }
  } catch (error) {
    if (!hasErrorCode(error, "ESRCH")) throw error;
  }
}
