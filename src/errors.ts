/**
 * Every error of this project carries a stable `code` to branch on and `facts` to print; its message says what was
 * wrong, where, and what to do about it.
 */
export class ReviewInstructError extends Error {
  override readonly name: string = "ReviewInstructError";

  constructor(
    /** Stable, machine-readable kind, e.g. `bad_input`. */
    readonly code: string,
    message: string,
    /** What a program or a log wants to know beside the message. Never holds a secret. */
    readonly facts: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A file, row, field, flag or setting from the user is wrong. Code `bad_input`. */
export class InputError extends ReviewInstructError {
  override readonly name = "InputError";

  constructor(message: string, facts: { file?: string; row?: number; field?: string } = {}, options?: ErrorOptions) {
    super("bad_input", message, facts, options);
  }
}

/** How a call to a model failed before it gave any usable reply. */
export const modelCallCodes = [
  "model_unauthorized",
  "model_out_of_credit",
  "model_not_found",
  "model_bad_request",
  "model_rate_limited",
  "model_unavailable",
  "model_timeout",
  "model_misconfigured",
] as const;
export type ModelCallCode = (typeof modelCallCodes)[number];

/** Those that are for the user to mend, and that every further call would meet: nothing may go on as if they were bad luck. */
export const mistakes: readonly string[] = [
  "model_unauthorized",
  "model_out_of_credit",
  "model_not_found",
  "model_misconfigured",
] satisfies ModelCallCode[];

/** An endpoint could not be made to answer, retries included. */
export class ModelCallError extends ReviewInstructError {
  override readonly name = "ModelCallError";

  constructor(
    override readonly code: ModelCallCode,
    message: string,
    override readonly facts: { role: string; endpoint: string; model: string; status?: number; attempts: number },
    options?: ErrorOptions,
  ) {
    super(code, message, facts, options);
  }
}

/** What was wrong with a reply that did arrive. */
export type ReplyFaultCode = "reply_empty" | "reply_truncated" | "reply_malformed" | "reply_refused";

/** A model answered, but not with anything usable, re-asks included. Holds the raw text of its last reply. */
export class ReplyError extends ReviewInstructError {
  override readonly name = "ReplyError";

  constructor(
    override readonly code: ReplyFaultCode,
    message: string,
    override readonly facts: { role: string; model: string; attempts: number; rawText: string },
    options?: ErrorOptions,
  ) {
    super(code, message, facts, options);
  }
}

/** Fewer reviews came back than a verdict needs. Resuming the thread asks the missing reviewers again. */
export class QuorumError extends ReviewInstructError {
  override readonly name = "QuorumError";

  constructor(
    message: string,
    facts: {
      turn: number;
      reviews: number;
      quorum: number;
      abstentions: readonly { reviewer: string; reason: string }[];
      /** Of all who abstained. */
      attempts: number;
      /** What they said that could not be used; null where none of them said anything. */
      rawText: string | null;
    },
  ) {
    super("below_quorum", message, facts);
  }
}
