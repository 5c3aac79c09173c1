import { appendFileSync, closeSync, fdatasyncSync, ftruncateSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";

import { ReviewInstructError, getErrorMessage } from "../../errors.js";
import { type UsageLedger, type UsageLedgerStorage, createUsageLedger } from "./usage-ledger.js";

/**
 * Opens the ledger in `file`, or creates it. Only one process may have it open.
 *
 * The file never records less (counted, uncounted and reserved) than endpoints have charged. This holds after kills, and
 * after power cuts if the file system keeps synced data. Therefore a line reserves the maximum usage of calls before they
 * are sent, and reservations found when opening count as used. A line is written when a call does not fit into the
 * reservations, otherwise at most once a second while calls are settled, and is synced (fdatasync) before anything relies on
 * it. Writing is synchronous, as the call has to wait for it anyway.
 *
 * @throws {ReviewInstructError} `usage_ledger_write_failed` if the file cannot be opened.
 * @throws {InputError} If the file is damaged. A last line that was cut off is not damage.
 */
export function openUsageLedger(file: string): UsageLedger {
  const { descriptor, content } = openFile(file);
  const length = content.lastIndexOf("\n") + 1;
  try {
    return createUsageLedger(content.toString("utf8", 0, length), createFileStorage(descriptor, length, length === content.length), file);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

function openFile(file: string): { descriptor: number; content: Buffer } {
  try {
    mkdirSync(dirname(file), { recursive: true });
    const descriptor = openSync(file, "a+");
    return { descriptor, content: readFileSync(descriptor) };
  } catch (cause) {
    const message = `cannot open the usage ledger ${file}: ${getErrorMessage(cause)}. Free some space or make the folder writable, then run again`;
    throw new ReviewInstructError("usage_ledger_write_failed", message, { file }, { cause });
  }
}

/**
 * Appends after the first `length` bytes, which are complete lines.
 *
 * @param isComplete False if an incomplete line follows them, which the next one replaces.
 */
function createFileStorage(descriptor: number, length: number, isComplete: boolean): UsageLedgerStorage {
  return {
    append(line) {
      if (!isComplete) ftruncateSync(descriptor, length);
      isComplete = false;
      appendFileSync(descriptor, line);
      fdatasyncSync(descriptor);
      length += Buffer.byteLength(line);
      isComplete = true;
    },
    close: () => closeSync(descriptor),
  };
}
