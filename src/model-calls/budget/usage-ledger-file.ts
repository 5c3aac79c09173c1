import { appendFileSync, closeSync, fdatasyncSync, ftruncateSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";

import { ReviewInstructError } from "../../errors.js";
import { type UsageLedger, type UsageLedgerStorage, createUsageLedger } from "./usage-ledger.js";

/**
 * Opens or starts the ledger in `file`. One process at a time may have it open.
 *
 * Its promise, over kills and, as far as the file system keeps what was synced, power cuts: what the file holds (counted,
 * assumed and held) is never less than what endpoints have charged. So a line holds the worst cases of calls before they go
 * out, and whoever opens a ledger that still holds something takes that as spent. A line is written when a call does not fit
 * under what is held, and otherwise once a second while calls are settled. Each is synced (fdatasync) before anything relies
 * on it. Writing is synchronous: the call has to wait for it anyway.
 *
 * Throws `usage_ledger_write_failed` where the file cannot be opened, and `InputError` where it is damaged. A last line that was cut
 * off is no damage.
 */
export function openUsageLedger(file: string): UsageLedger {
  const { descriptor, recorded } = openFile(file);
  const length = recorded.lastIndexOf("\n") + 1;
  try {
    return createUsageLedger(recorded.toString("utf8", 0, length), storageIn(descriptor, length, length === recorded.length), file);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

function openFile(file: string): { descriptor: number; recorded: Buffer } {
  try {
    mkdirSync(dirname(file), { recursive: true });
    const descriptor = openSync(file, "a+");
    return { descriptor, recorded: readFileSync(descriptor) };
  } catch (cause) {
    const message = `cannot open the usage ledger ${file}: ${String(cause)}. Make room or the folder writable, then run again`;
    throw new ReviewInstructError("usage_ledger_write_failed", message, { file }, { cause });
  }
}

/** Appends after the first `length` bytes, which are whole lines. What stands behind them is a line that was cut off. */
function storageIn(descriptor: number, length: number, intact: boolean): UsageLedgerStorage {
  return {
    append(line) {
      if (!intact) ftruncateSync(descriptor, length);
      intact = false;
      appendFileSync(descriptor, line);
      fdatasyncSync(descriptor);
      length += Buffer.byteLength(line);
      intact = true;
    },
    close: () => closeSync(descriptor),
  };
}
