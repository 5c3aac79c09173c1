/** How running work is told to stop. Both signals leave everything resumable. */
export interface StopSignals {
  /** Stops at the next safe point, e.g. a LangGraph superstep. */
  readonly gracefulStop: AbortSignal;
  /** Stops at once. */
  readonly abort: AbortSignal;
}
