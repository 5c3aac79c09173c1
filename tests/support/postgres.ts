import { execFile, spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { chown, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface Postgres {
  /** `postgres://...` of an empty database. */
  readonly url: string;
  /** Stops it as a crash would (immediate shutdown), data kept. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Stops it and removes its data. */
  remove(): Promise<void>;
}

/** Starts a real PostgreSQL in a temporary folder, on a free loopback port. */
export async function startPostgres(): Promise<Postgres> {
  if (binFolder === null) throw new Error("these tests need PostgreSQL: install Debian's package `postgresql`");
  const bin = binFolder;
  const folder = await mkdtemp(join(tmpdir(), "review-instruct-postgres-"));
  const user = await getServerUser();
  if (user) await chown(folder, user.uid, user.gid);
  const data = join(folder, "data");
  const port = await getFreePort();
  // PostgreSQL refuses to run as root.
  const runAsServer = (command: string, args: string[]) =>
    run(join(bin, command), args, { cwd: folder, ...(user && { uid: user.uid, gid: user.gid }) });
  await runAsServer("initdb", ["-D", data, "-U", "tester", "--auth=trust", "--no-sync", "--locale=C", "--encoding=UTF8"]);
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${folder} -c fsync=off`;
  const start = async () => {
    // pg_ctl leaves the server running, which would keep its output pipes open: it gets none.
    const child = spawn(join(bin, "pg_ctl"), ["-D", data, "-l", join(folder, "log"), "-w", "-o", options, "start"], {
      cwd: folder,
      stdio: "ignore",
      ...(user && { uid: user.uid, gid: user.gid }),
    });
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    if (code !== 0) throw new Error(`PostgreSQL did not start (exit code ${code}); see ${join(folder, "log")}`);
  };
  const stop = async () => void (await runAsServer("pg_ctl", ["-D", data, "-w", "-m", "immediate", "stop"]));
  await start();
  return {
    url: `postgres://tester@127.0.0.1:${port}/postgres`,
    start,
    stop,
    remove: async () => {
      await stop().catch(() => undefined);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Folder of the newest PostgreSQL's programs, which Debian keeps off the PATH; null where none is installed. */
const binFolder = findBinFolder();

/**
 * Returns true where tests that need PostgreSQL cannot run, and says so. With `CI=true` they run, and fail, in any case.
 */
export function isPostgresMissing(): boolean {
  if (binFolder !== null || process.env.CI === "true") return false;
  console.warn("Skipped: these tests need PostgreSQL (on Debian: apt-get install postgresql).");
  return true;
}

function findBinFolder(): string | null {
  const root = "/usr/lib/postgresql";
  try {
    const newest = readdirSync(root)
      .map(Number)
      .sort((a, b) => b - a)[0];
    return newest === undefined ? null : join(root, String(newest), "bin");
  } catch {
    return null;
  }
}

async function getServerUser(): Promise<{ uid: number; gid: number } | null> {
  if (process.getuid?.() !== 0) return null;
  const id = async (flag: string) => Number((await run("id", [flag, "postgres"])).stdout);
  return { uid: await id("-u"), gid: await id("-g") };
}

async function getFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
