import type { Abstention, EarlyStop, Evolution, Review } from "../state/records.js";
import type { Verdict } from "../state/settings.js";

/** An event of a run, emitted in stream mode "custom". */
export type ConversationEvent =
  | { readonly type: "instruction"; readonly turn: number; readonly evolution: Evolution; readonly instruction: string }
  | { readonly type: "response"; readonly turn: number; readonly response: string }
  | ({ readonly type: "review"; readonly turn: number } & Review)
  | ({ readonly type: "abstention"; readonly turn: number } & Abstention)
  | { readonly type: "verdict"; readonly turn: number; readonly verdict: Verdict; readonly positive: number; readonly negative: number }
  | ({ readonly type: "early_stop"; readonly turn: number } & EarlyStop)
  /** A `ReviewInstructError` is about to fail the run. */
  | {
      readonly type: "error";
      readonly name: string;
      readonly code: string;
      readonly message: string;
      readonly details: Readonly<Record<string, unknown>>;
    };
