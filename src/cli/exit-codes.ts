/** What the exit code tells a script. */
export const exitCodes = {
  ok: 0,
  /** Bad input, bad settings, or a fault that nothing could be done about. */
  error: 1,
  /** The job is through, but some conversations failed; see failures.jsonl. */
  someFailed: 2,
  /** The job stopped before its end and can be resumed by the same command. */
  stopped: 3,
  /** The same, because a person or the system asked for it. */
  interrupted: 130,
} as const;
