/** State of a job, in numbers of items. */
export interface JobProgress {
  /** Finished by this run. */
  readonly finished: number;
  /** Finished by earlier runs, among the items seen so far. */
  readonly resumed: number;
  readonly failed: number;
  /** In progress. */
  readonly active: number;
}

/** Result of a job. */
export interface JobResult extends JobProgress {
  /** Why the job stopped before its last item: an error, a signal, or `stopWhen`. Null if it did not. */
  readonly stopped: Error | "interrupted" | "target_reached" | null;
}
