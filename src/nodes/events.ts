import type { Abstention, EarlyEnding, Evolution, Review } from "../state/records.js";
import type { VerdictSide } from "../state/settings.js";

/** What a run tells while it goes on, in stream mode "custom": one event for everything a watcher wants to see. */
export type ReviewEvent =
  | { readonly type: "instruction"; readonly turn: number; readonly evolution: Evolution; readonly instruction: string }
  | { readonly type: "response"; readonly turn: number; readonly response: string }
  | ({ readonly type: "review"; readonly turn: number } & Review)
  | ({ readonly type: "abstention"; readonly turn: number } & Abstention)
  | { readonly type: "verdict"; readonly turn: number; readonly verdict: VerdictSide; readonly positive: number; readonly negative: number }
  | ({ readonly type: "ended_early"; readonly turn: number } & EarlyEnding)
  /** A `ReviewInstructError` is about to end the run. */
  | {
      readonly type: "failed";
      readonly name: string;
      readonly code: string;
      readonly message: string;
      readonly facts: Readonly<Record<string, unknown>>;
    };
