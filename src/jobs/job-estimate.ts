/** A range of amounts. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** What a job will take in model calls. */
export interface CallEstimate {
  readonly calls: number;
  readonly inputTokens: Range;
  readonly outputTokens: Range;
  /** US dollars; null where a price is unknown. */
  readonly usd: Range | null;
}

/** What one caller of a job will take. */
export interface CallerEstimate extends CallEstimate {
  /** The caller as shown to people: `candidate`, `reviewer depth`. */
  readonly caller: string;
  /** The model as the settings name it. */
  readonly model: string;
}

/** What a whole job will take, before its first call. */
export interface JobEstimate extends CallEstimate {
  readonly items: number;
  readonly unpricedModels: readonly string[];
  readonly callers: readonly CallerEstimate[];
}
