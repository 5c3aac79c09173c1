import { execFile, spawn } from "node:child_process";
import { chown, mkdtemp, readdir, rm } from "node:fs/promises";
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

/** A real PostgreSQL in a temporary folder, on a free loopback port. */
export async function startPostgres(): Promise<Postgres> {
  const bin = await binaries();
  const folder = await mkdtemp(join(tmpdir(), "review-instruct-postgres-"));
  const user = await serverUser();
  if (user) await chown(folder, user.uid, user.gid);
  const data = join(folder, "data");
  const port = await freePort();
  // PostgreSQL refuses to run as root.
  const as = (command: string, args: string[]) => run(join(bin, command), args, { cwd: folder, ...(user && { uid: user.uid, gid: user.gid }) });
  await as("initdb", ["-D", data, "-U", "tester", "--auth=trust", "--no-sync", "--locale=C", "--encoding=UTF8"]);
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
  const stop = async () => void (await as("pg_ctl", ["-D", data, "-w", "-m", "immediate", "stop"]));
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

/** Debian keeps them off the PATH. */
async function binaries(): Promise<string> {
  const root = "/usr/lib/postgresql";
  const versions = await readdir(root).catch(() => []);
  const newest = versions.map(Number).sort((a, b) => b - a)[0];
  if (newest === undefined) throw new Error("these tests need PostgreSQL: install Debian's package `postgresql`");
  return join(root, String(newest), "bin");
}

async function serverUser(): Promise<{ uid: number; gid: number } | null> {
  if (process.getuid?.() !== 0) return null;
  const id = async (flag: string) => Number((await run("id", [flag, "postgres"])).stdout);
  return { uid: await id("-u"), gid: await id("-g") };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
