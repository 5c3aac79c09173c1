import type { BaseCheckpointSaver } from "@langchain/langgraph";
import { MemorySaver } from "@langchain/langgraph";
import { PostgresSaver } from "@langchain/langgraph-checkpoint-postgres";
import pg from "pg";

import { InputError, ReviewInstructError } from "../errors.js";

/** Any number that nobody else takes for an advisory lock: "revw" in ASCII. */
const setupLockId = 0x72657677;

/** A place where threads are kept, and the way to let go of it. */
export interface CheckpointerHandle {
  readonly saver: BaseCheckpointSaver;
  /** The place as it may be shown to anyone: no user, no password. */
  readonly displayName: string;
  readonly close: () => Promise<void>;
}

/**
 * Opens LangGraph's own saver by one string: `memory`, `sqlite:<file>` or `postgres://...`. Throws `InputError` for anything
 * else, and `checkpointer_unavailable` when the place cannot be opened.
 */
export async function openCheckpointer(spec: string): Promise<CheckpointerHandle> {
  if (spec === "memory") return { saver: new MemorySaver(), displayName: "memory", close: async () => {} };
  if (spec.startsWith("sqlite:")) return openSqlite(spec.slice("sqlite:".length));
  if (/^postgres(ql)?:\/\//.test(spec)) return openPostgres(spec);
  throw new InputError("unknown checkpoint store: use `memory`, `sqlite:<file>` or `postgres://user@host/database`", { field: "checkpoint" });
}

async function openSqlite(file: string): Promise<CheckpointerHandle> {
  if (file === "") throw new InputError("`sqlite:` wants a file, e.g. sqlite:checkpoints.sqlite", { field: "checkpoint" });
  const { SqliteSaver } = await importSqlite();
  try {
    const saver = SqliteSaver.fromConnString(file);
    // Opens and creates the tables now, so that an unusable file shows here and not in mid-run.
    await saver.getTuple({ configurable: { thread_id: "none" } });
    // With WAL this survives a killed process; only a power cut can cost the last steps.
    saver.db.pragma("synchronous=NORMAL");
    cacheStatements(saver.db);
    return { saver: withErrorContext(saver, `sqlite:${file}`), displayName: `sqlite:${file}`, close: async () => void saver.db.close() };
  } catch (error) {
    throw unavailable(`sqlite:${file}`, error, "Check that its folder exists and can be written.");
  }
}

/** The saver has SQLite compile the same few statements at every step. */
function cacheStatements(db: { prepare: (sql: string) => unknown }): void {
  const kept = new Map<string, unknown>();
  const compile = db.prepare.bind(db);
  db.prepare = (sql: string) => {
    const statement = kept.get(sql) ?? compile(sql);
    kept.set(sql, statement);
    return statement;
  };
}

/** The same saver, whose failures say which store failed and what to do. */
function withErrorContext<S extends BaseCheckpointSaver>(saver: S, place: string): S {
  const advice = "Bring it back, then run the same command again: what was finished is kept.";
  return new Proxy(saver, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function" || !["getTuple", "put", "putWrites", "deleteThread"].includes(String(name))) return member;
      return async (...args: unknown[]) => {
        try {
          return await Reflect.apply(member, target, args);
        } catch (error) {
          throw unavailable(place, error, advice);
        }
      };
    },
  });
}

/** The saver builds native code at install and is optional. */
async function importSqlite() {
  try {
    return await import("@langchain/langgraph-checkpoint-sqlite");
  } catch (error) {
    throw unavailable(
      "sqlite",
      error,
      "The package @langchain/langgraph-checkpoint-sqlite is not usable here: install it, or choose `memory` or `postgres://...`.",
    );
  }
}

async function openPostgres(url: string): Promise<CheckpointerHandle> {
  const place = toDisplayName(url);
  try {
    const pool = new pg.Pool({ connectionString: url });
    // A connection that breaks must not end the process: the query under way, or the next one, reports it.
    pool.on("error", () => undefined);
    pool.on("connect", (client) => client.on("error", () => undefined));
    const saver = new PostgresSaver(pool);
    await withAdvisoryLock(pool, () => saver.setup());
    return { saver: withErrorContext(saver, place), displayName: place, close: () => saver.end() };
  } catch (error) {
    throw unavailable(place, error, "Check that the server runs, the database exists and the user may create tables.");
  }
}

/** Shards that start together would create the same tables at the same moment, which PostgreSQL refuses. */
async function withAdvisoryLock(pool: pg.Pool, work: () => Promise<void>): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("SELECT pg_advisory_lock($1)", [setupLockId]);
    await work();
  } finally {
    // Ends the session, and the lock with it.
    client.release(true);
  }
}

function toDisplayName(url: string): string {
  try {
    const { protocol, host, pathname } = new URL(url);
    return `${protocol}//${host}${pathname}`;
  } catch {
    throw new InputError("the postgres URL cannot be read: use postgres://user:password@host:port/database", { field: "checkpoint" });
  }
}

function unavailable(place: string, cause: unknown, advice: string): ReviewInstructError {
  const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new ReviewInstructError(
    "checkpointer_unavailable",
    `the checkpoint store ${place} cannot be used: ${reason}. ${advice}`,
    { place },
    { cause },
  );
}
