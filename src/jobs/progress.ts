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

/** Failures with one error code. */
export interface FailureKind {
  readonly code: string;
  readonly count: number;
  /** Message of the first one. */
  readonly message: string;
}

/** Result of a job. */
export interface JobResult extends JobProgress {
  /** Failures of this run by error code, the most frequent first. */
  readonly failureKinds: readonly FailureKind[];
  /** Why the job stopped before its last item: an error, a signal, or `stopWhen`. Null if it did not. */
  readonly stopped: Error | "interrupted" | "target_reached" | null;
}
