import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, symlink } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { Client } from "@langchain/langgraph-sdk";
import { afterAll } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cli = join(root, "node_modules/@langchain/langgraph-cli/dist/cli/cli.mjs");

export interface DevServerOptions {
  /** A folder of the server's own, where it keeps its state. Made where it does not exist. */
  readonly folder: string;
  /** Which of the project's own configurations. Default: langgraph.json. */
  readonly config?: "langgraph.json" | "langgraph.auth.json";
  readonly env?: Record<string, string>;
  /** Default: a free one. */
  readonly port?: number;
  /** Runs at once. Default: the server's own, 10. */
  readonly workers?: number;
}

export interface DevServer {
  readonly url: string;
  readonly port: number;
  /** The official client, with a key where one is needed. */
  client(apiKey?: string): Client;
  /** What the server has printed so far. */
  log(): string;
  /** Ends the server and everything it started. */
  kill(): Promise<void>;
}

/** Gives a {@link startDevServer} whose servers end with the tests of the file. Call it at the top of the file. */
export function devServers(): typeof startDevServer {
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
 * Starts `langgraphjs dev` as `npm run dev` does, on the project as it stands, but in a folder of its own, and with no key
 * and no tracing in its environment unless given. Resolves once it answers.
 */
async function startDevServer({ folder, config = "langgraph.json", env = {}, workers, ...options }: DevServerOptions): Promise<DevServer> {
  await furnish(folder, config);
  const port = options.port ?? (await freePort());
  const { PATH = "", HOME = "" } = process.env;
  const args = [cli, "dev", "--no-browser", "--no-reload", "--host", "127.0.0.1", "--port", `${port}`, "--config", config];
  const child = spawn(process.execPath, [...args, ...(workers === undefined ? [] : ["-n", `${workers}`])], {
    cwd: folder,
    // Leads a group of its own: the command line starts the server in a process below it.
    detached: true,
    env: { PATH, HOME, LANGGRAPH_CLI_NO_ANALYTICS: "1", LANGSMITH_TRACING: "false", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (log += text));
  const kill = () => killGroup(child);
  const url = `http://127.0.0.1:${port}`;
  try {
    await untilUp(url, child);
  } catch (error) {
    await kill();
    throw new Error(`the dev server did not start:\n${log}`, { cause: error });
  }
  return { url, port, client: (apiKey) => new Client({ apiUrl: url, apiKey: apiKey ?? null }), log: () => log, kill };
}

/** The project as the server sees it: its own files, by links, and the configuration. */
async function furnish(folder: string, config: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await copyFile(join(root, config), join(folder, config));
  for (const name of ["src", "node_modules", "package.json", "tsconfig.json"]) {
    await symlink(join(root, name), join(folder, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function untilUp(url: string, child: ChildProcess): Promise<void> {
  // /info answers without a key, with access on as well.
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

/** Kills (-9) the whole group, and resolves once none of it is left. */
async function killGroup({ pid }: ChildProcess): Promise<void> {
  if (pid === undefined) return;
  try {
    for (;;) {
      process.kill(-pid, "SIGKILL");
      await delay(20);
    }
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
