import { isSqliteUsable } from "../../src/checkpoints/open-checkpointer.js";

/**
 * Returns true where tests that need SQLite cannot run, and says so. With `CI=true` they run, and fail, in any case.
 */
export async function isSqliteMissing(): Promise<boolean> {
  if (process.env.CI === "true" || (await isSqliteUsable())) return false;
  console.warn("Skipped: these tests need SQLite (the optional package better-sqlite3 is missing, or was not compiled for this machine).");
  return true;
}
