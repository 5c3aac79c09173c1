import { type ModelCaller, ReviewInstructError } from "../../errors.js";
import type { Limits } from "./limits.js";

/** Thrown when a call could exceed a limit. It stops the run; raise the limit and resume. Code `budget_exhausted`. */
export class BudgetError extends ReviewInstructError {
  override readonly name = "BudgetError";

  constructor(message: string, details: { limit: keyof Limits; max: number; spent: number; needed: number; caller: ModelCaller; model: string }) {
    super("budget_exhausted", message, details);
  }
}
