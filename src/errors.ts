/** Base class of every error that this project throws on purpose. */
export class ReviewInstructError extends Error {
  override readonly name: string = "ReviewInstructError";

  /**
   * @param code Stable, machine-readable kind, e.g. `invalid_input`.
   * @param message Says what was wrong, where, and what to do.
   * @param details Facts for programs and logs. Never holds a secret.
   */
  constructor(
    readonly code: string,
    message: string,
    readonly details: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Thrown for a wrong file, row, field, flag or setting. Code `invalid_input`. */
export class InputError extends ReviewInstructError {
  override readonly name = "InputError";

  constructor(message: string, details: { file?: string; row?: number; field?: string } = {}, options?: ErrorOptions) {
    super("invalid_input", message, details, options);
  }
}

/** Who makes a model call: a role such as `candidate` or `judge`, or one member of a group such as `reviewer`. */
export interface ModelCaller {
  readonly name: string;
  /** Group of callers that share a prompt, e.g. `reviewer`. */
  readonly group?: string;
}

/** Codes of a model call that ended without any response. */
export const modelCallCodes = [
  "model_unauthorized",
  "model_insufficient_quota",
  "model_quota_exhausted",
  "model_not_found",
  "model_bad_request",
  "model_request_refused",
  "model_context_overflow",
  "model_rate_limited",
  "model_unavailable",
  "model_timeout",
  "model_invalid_configuration",
] as const;
export type ModelCallCode = (typeof modelCallCodes)[number];

/** Codes of configuration errors: every later call would fail the same way, so they stop the run. */
export const configurationErrorCodes: readonly string[] = [
  "model_unauthorized",
  "model_insufficient_quota",
  "model_quota_exhausted",
  "model_not_found",
  "model_invalid_configuration",
] satisfies ModelCallCode[];

/** Thrown when a model call brought no response, retries included. */
export class ModelCallError extends ReviewInstructError {
  override readonly name = "ModelCallError";

  constructor(
    override readonly code: ModelCallCode,
    message: string,
    override readonly details: { caller: ModelCaller; endpoint: string; model: string; status?: number; attempts: number },
    options?: ErrorOptions,
  ) {
    super(code, message, details, options);
  }
}

/** Codes of a response that arrived but cannot be used. */
export const responseErrorCodes = ["response_empty", "response_truncated", "response_invalid", "response_refused"] as const;
export type ResponseErrorCode = (typeof responseErrorCodes)[number];

/** Thrown when no response was usable, repairs included. `details.rawText` is the last response. */
export class InvalidResponseError extends ReviewInstructError {
  override readonly name = "InvalidResponseError";

  constructor(
    override readonly code: ResponseErrorCode,
    message: string,
    override readonly details: { caller: ModelCaller; model: string; attempts: number; rawText: string },
    options?: ErrorOptions,
  ) {
    super(code, message, details, options);
  }
}

/** Thrown when fewer reviews arrived than a verdict needs. A resume calls the missing reviewers again. Code `quorum_not_met`. */
export class QuorumError extends ReviewInstructError {
  override readonly name = "QuorumError";

  constructor(
    message: string,
    details: {
      turn: number;
      reviews: number;
      quorum: number;
      abstentions: readonly { reviewer: string; reason: string }[];
      /** Attempts of all reviewers that abstained. */
      attempts: number;
      /** Unusable responses of those reviewers; null where there was none. */
      rawText: string | null;
    },
  ) {
    super("quorum_not_met", message, details);
  }
}

/** Returns the message of anything that can be thrown. */
export function getErrorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Returns true for an error with this Node.js error code, e.g. `ENOENT`. */
export function hasErrorCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
