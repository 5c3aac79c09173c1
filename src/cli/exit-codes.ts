import { stopsJob } from "../jobs/job-stopping-errors.js";

/** Exit codes of every command. */
export const exitCodes = {
  ok: 0,
  /** Wrong input, settings or file. */
  error: 1,
  /** The job is done, but some items failed; see failures.jsonl. */
  partialFailure: 2,
  /** Stopped by an error that `stopsJob` lists (budget, endpoint, disk, key, ...). The same command continues later. */
  stopped: 3,
  /** Stopped by a signal. The same command continues later. */
  interrupted: 130,
} as const;

/** Returns the exit code of a command that threw. */
export function getExitCode(error: unknown): number {
  return stopsJob(error) ? exitCodes.stopped : exitCodes.error;
}
