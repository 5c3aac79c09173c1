/** One score that one run gives to another run, as LangSmith feedback. */
export interface FeedbackEntry {
  /** Follows from the runs and the key, so that sending an entry twice changes nothing. */
  readonly id: string;
  /** The run that is scored. */
  readonly runId: string;
  /** The trace of that run, if it is still in progress. */
  readonly traceId?: string;
  readonly key: string;
  readonly score: number;
  readonly value?: string;
  readonly comment?: string;
  /** The run that gave the score. */
  readonly sourceRunId?: string;
  readonly source: Readonly<Record<string, string | number>>;
}
