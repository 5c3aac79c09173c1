import { stopsJob } from "../jobs/job-stopping-errors.js";

/** What the exit code tells a script. */
export const exitCodes = {
  ok: 0,
  /** Bad input, bad settings, or a fault that nothing could be done about. */
  error: 1,
  /** The job is through, but some conversations failed; see failures.jsonl. */
  partialFailure: 2,
  /**
   * Stopped, or not even begun, by what `stopsJob` lists (budget, endpoint, disk, database, key, ...). Once that is mended the
   * same command goes on.
   */
  stopped: 3,
  /** The same, because a person or the system asked for it. */
  interrupted: 130,
} as const;

/** The exit code of a command that failed, at its start or later. */
export function getExitCode(error: unknown): number {
  return stopsJob(error) ? exitCodes.stopped : exitCodes.error;
}
