import type { BaseCheckpointSaver } from "@langchain/langgraph";
import { MemorySaver } from "@langchain/langgraph";
import { PostgresSaver } from "@langchain/langgraph-checkpoint-postgres";
import pg from "pg";

import { InputError, ReviewInstructError } from "../errors.js";

/** Number of the advisory lock, "revw" in ASCII. Any number works that no other program uses. */
const setupLockId = 0x72657677;

/** An open checkpointer. */
export interface CheckpointerHandle {
  readonly saver: BaseCheckpointSaver;
  /** Name of the store without user and password. */
  readonly displayName: string;
  readonly close: () => Promise<void>;
}

/**
 * Opens one of LangGraph's checkpointers.
 *
 * @param uri `memory`, `sqlite:<file>` or `postgres://...`.
 * @throws {InputError} For any other URI.
 * @throws {ReviewInstructError} Code `checkpointer_unavailable`, if the store cannot be opened.
 */
export async function openCheckpointer(uri: string): Promise<CheckpointerHandle> {
  if (uri === "memory") return { saver: new MemorySaver(), displayName: "memory", close: async () => {} };
  if (uri.startsWith("sqlite:")) return openSqlite(uri.slice("sqlite:".length));
  if (/^postgres(ql)?:\/\//.test(uri)) return openPostgres(uri);
  throw new InputError("unknown checkpoint store: use `memory`, `sqlite:<file>` or `postgres://user@host/database`", { field: "checkpoint" });
}

async function openSqlite(file: string): Promise<CheckpointerHandle> {
  if (file === "") throw new InputError("`sqlite:` needs a file, e.g. sqlite:checkpoints.sqlite", { field: "checkpoint" });
  const displayName = `sqlite:${file}`;
  const { SqliteSaver } = await importSqlite();
  try {
    const saver = SqliteSaver.fromConnString(file);
    // Creates the tables now, so that an unusable file fails here and not during a run.
    await saver.getTuple({ configurable: { thread_id: "none" } });
    // With a write-ahead log, a killed process loses nothing. A power failure can lose the last steps.
    saver.db.pragma("synchronous=NORMAL");
    cacheStatements(saver.db);
    return { saver: withErrorContext(saver, displayName), displayName, close: async () => void saver.db.close() };
  } catch (error) {
    throw createUnavailableError(displayName, error, "Check that its folder exists and can be written.");
  }
}

/** Caches prepared statements, since the saver compiles the same few statements at every step. */
function cacheStatements(db: { prepare: (sql: string) => unknown }): void {
  const statements = new Map<string, unknown>();
  const prepare = db.prepare.bind(db);
  db.prepare = (sql: string) => {
    const statement = statements.get(sql) ?? prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
}

/** Wraps a saver so that its errors name the store and say what to do. */
function withErrorContext<S extends BaseCheckpointSaver>(saver: S, displayName: string): S {
  const advice = "Make it available again, then run the same command again: finished work is kept.";
  return new Proxy(saver, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function" || !["getTuple", "put", "putWrites", "deleteThread"].includes(String(name))) return member;
      return async (...args: unknown[]) => {
        try {
          return await Reflect.apply(member, target, args);
        } catch (error) {
          throw createUnavailableError(displayName, error, advice);
        }
      };
    },
  });
}

/** Returns true if the optional SQLite package is installed and its native code works. */
export async function isSqliteUsable(): Promise<boolean> {
  try {
    const { SqliteSaver } = await import("@langchain/langgraph-checkpoint-sqlite");
    SqliteSaver.fromConnString(":memory:").db.close();
    return true;
  } catch {
    // Not installed, or not compiled for this machine: callers use another store.
    return false;
  }
}

/** Loads the optional package, which compiles native code when it is installed. */
async function importSqlite() {
  try {
    return await import("@langchain/langgraph-checkpoint-sqlite");
  } catch (error) {
    throw createUnavailableError(
      "sqlite",
      error,
      "The package @langchain/langgraph-checkpoint-sqlite is not usable here: install it, or choose `memory` or `postgres://...`.",
    );
  }
}

async function openPostgres(url: string): Promise<CheckpointerHandle> {
  const displayName = toDisplayName(url);
  try {
    const pool = new pg.Pool({ connectionString: url });
    // A broken connection must not end the process. The current or the next query reports it.
    pool.on("error", () => undefined);
    pool.on("connect", (client) => client.on("error", () => undefined));
    const saver = new PostgresSaver(pool);
    await withAdvisoryLock(pool, () => saver.setup());
    return { saver: withErrorContext(saver, displayName), displayName, close: () => saver.end() };
  } catch (error) {
    throw createUnavailableError(displayName, error, "Check that the server runs, the database exists and the user may create tables.");
  }
}

/** Runs the setup under a lock, since PostgreSQL fails if several shards create the same tables at once. */
async function withAdvisoryLock(pool: pg.Pool, setUp: () => Promise<void>): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("SELECT pg_advisory_lock($1)", [setupLockId]);
    await setUp();
  } finally {
    // Ends the session, which releases the lock.
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

function createUnavailableError(store: string, cause: unknown, advice: string): ReviewInstructError {
  const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
  const message = `the checkpoint store ${store} cannot be used: ${reason}. ${advice}`;
  return new ReviewInstructError("checkpointer_unavailable", message, { store }, { cause });
}
