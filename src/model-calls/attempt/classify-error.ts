import { type ModelCallCode, getErrorMessage } from "../../errors.js";
import { AttemptError } from "./attempt-error.js";
import { getConnectionAdvice } from "./connection-fault.js";
import { detectContextOverflow } from "./context-overflow.js";
import { type QuotaRejection, detectQuota, parseWaitInWords } from "./quota.js";
import { isPromptRefused } from "./refusal.js";
import { type ResponseHeaders, parseRetryAfter } from "./retry-after.js";

/** What can be read from an SDK's error, or from one of its causes. Absent texts are empty. */
interface ErrorInfo {
  readonly className: string;
  readonly name: string;
  readonly message: string;
  readonly code: string;
  readonly type: string;
  readonly systemCall: string;
  readonly status: number | undefined;
  readonly headers: ResponseHeaders | undefined;
  /** True for an error that the body of a response with status 200 reported. */
  readonly isInBody: boolean;
}

const codesByStatus: Readonly<Record<number, ModelCallCode>> = {
  401: "model_unauthorized",
  402: "model_insufficient_quota",
  403: "model_unauthorized",
  404: "model_not_found",
  405: "model_not_found",
  408: "model_unavailable",
  409: "model_unavailable",
  425: "model_unavailable",
  429: "model_rate_limited",
};

/** Codes of HTTP errors after which the same request may succeed. */
const retryableCodes: readonly ModelCallCode[] = ["model_unavailable", "model_rate_limited"];

/** Errors of name lookup, connecting and the TLS handshake, all before any byte of a request is sent. */
const notSentCodes =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|UND_ERR_CONNECT_TIMEOUT|ERR_SSL_WRONG_VERSION_NUMBER|(?:ERR_TLS_)?CERT_\w+|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+)$/;
const notSentSystemCalls: readonly string[] = ["connect", "getaddrinfo"];

/** Longest chain of causes to read. Causes may be circular. */
const maxCauses = 8;

/**
 * Classifies whatever a chat model threw: by HTTP status if there is one, otherwise by the kind of the error and its causes.
 *
 * The error itself is dropped, since SDKs store requests, keys included, in their errors. The cause that is kept has only a
 * message and a stack.
 *
 * @param redact Removes secrets from a text.
 */
export function toAttemptError(error: unknown, redact: (text: string) => string): AttemptError {
  const words = getErrorChain(error).flatMap(({ message, code, type }) => [message, code, type]);
  return detectContextOverflow(classifyError(error, redact), words);
}

function classifyError(error: unknown, redact: (text: string) => string): AttemptError {
  if (error instanceof AttemptError) return new AttemptError(error.code, redact(error.message), error.details, { cause: error.cause });
  const chain = getErrorChain(error);
  const httpError = chain.find(({ status }) => status !== undefined);
  if (httpError?.status !== undefined) return toHttpError(httpError, httpError.status, redact);
  const reason = redact(
    chain
      .map(({ message, code }) => message || code)
      .filter(Boolean)
      .join(": "),
  );
  const requestNotSent = chain.some(isNotSent);
  const systemCode = chain.findLast(({ code }) => /^[A-Z][A-Z_0-9]+$/.test(code))?.code;
  const details = { requestNotSent, ...(systemCode !== undefined && { systemCode }) };
  const cause = toSafeError(error, redact);
  const createUnavailable = (what: string, retryable: boolean) =>
    new AttemptError("model_unavailable", `${what}: ${reason}`, { retryable, ...details }, { cause });
  const advice = getConnectionAdvice(systemCode ?? "");
  if (advice !== null)
    return new AttemptError(
      "model_invalid_configuration",
      `the connection failed: ${reason}`,
      { retryable: false, ...details, requestNotSent: true, advice },
      { cause },
    );
  if (chain.some(isTimeout)) return new AttemptError("model_timeout", reason, { retryable: true, ...details });
  if (chain.some(isConnectionError)) return createUnavailable("the connection failed", true);
  if (chain.some(({ className }) => className === "SyntaxError")) return createUnavailable("the response is not JSON", true);
  if (chain.some(({ className }) => className === "APIError")) return createUnavailable("the endpoint ended the response early", true);
  return createUnavailable("the chat model failed", false);
}

function toHttpError(info: ErrorInfo, status: number, redact: (text: string) => string): AttemptError {
  const words = [info.message, info.code, info.type];
  const waitMs = (info.headers && parseRetryAfter(info.headers)) ?? (status === 429 ? parseWaitInWords(info.message) : undefined);
  const quota = detectQuota(words, status, waitMs);
  const code = getHttpCode(words, status, quota);
  const reason = redact(info.message.replace(/^\d{3} /, ""));
  return new AttemptError(code, reason ? `HTTP ${status}: ${reason}` : `HTTP ${status}`, {
    retryable: retryableCodes.includes(code),
    status,
    retryAfterMs: waitMs,
    ...(info.isInBody && { notCharged: true }),
    ...(quota?.kind === "perhaps day" && { mayBeDayQuota: true }),
  });
}

function getHttpCode(words: readonly string[], status: number, quota: QuotaRejection | null): ModelCallCode {
  // OpenAI reports a used-up quota with the status of a rate limit, but waiting does not help.
  if (quota?.kind === "credit") return "model_insufficient_quota";
  if (quota?.kind === "day") return "model_quota_exhausted";
  if (isPromptRefused(words, status)) return "model_request_refused";
  return codesByStatus[status] ?? getCodeByStatusClass(status);
}

function getCodeByStatusClass(status: number): ModelCallCode {
  if (status >= 500) return "model_unavailable";
  // Redirects are not followed, so the path is wrong.
  return status >= 300 && status < 400 ? "model_not_found" : "model_bad_request";
}

function isTimeout({ className, name, code }: ErrorInfo): boolean {
  return className === "APIConnectionTimeoutError" || name === "TimeoutError" || /TIMEDOUT|_TIMEOUT$/.test(code);
}

function isConnectionError({ className, message, code }: ErrorInfo): boolean {
  return (
    className === "APIConnectionError" ||
    /^(?:E[A-Z]+|EAI_\w+|UND_ERR_\w+)$/.test(code) ||
    (className === "TypeError" && /^(?:fetch failed|terminated)$/.test(message))
  );
}

function isNotSent({ code, systemCall }: ErrorInfo): boolean {
  return notSentCodes.test(code) || notSentSystemCalls.includes(systemCall);
}

/** Returns the error and its causes, outermost first. */
function getErrorChain(error: unknown): ErrorInfo[] {
  const chain: ErrorInfo[] = [];
  for (let current = error; current !== undefined && current !== null && chain.length < maxCauses; current = getFields(current).cause) {
    chain.push(getErrorInfo(current));
  }
  return chain;
}

function getErrorInfo(error: unknown): ErrorInfo {
  const fields = getFields(error);
  const response = getFields(fields.response);
  const status = [fields.status, fields.statusCode, response.status].find((value) => typeof value === "number");
  const headers = fields.headers ?? response.headers;
  return {
    className: error instanceof Error ? error.constructor.name : "",
    name: getText(fields.name),
    // LangChain appends a link to its documentation.
    message: (typeof error === "string" ? error : getText(fields.message)).replace(/\s*Troubleshooting URL: \S+\s*$/, ""),
    code: getText(fields.code),
    type: getText(fields.type),
    systemCall: getText(fields.syscall),
    status,
    headers: headers instanceof Headers ? headers : typeof headers === "object" && headers !== null ? getFields(headers) : undefined,
    isInBody: fields.isInBody === true,
  };
}

/** Copies only message and stack, redacted. */
function toSafeError(error: unknown, redact: (text: string) => string): Error {
  const safeError = new Error(redact(getErrorMessage(error)));
  if (error instanceof Error) safeError.stack = error.stack?.split("\n").map(redact).join("\n");
  return safeError;
}

/** Returns an object's fields, with inherited ones that errors commonly have; a spread would leave those out. */
function getFields(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) return {};
  const names = ["name", "message", "code", "type", "syscall", "status", "statusCode", "headers", "response", "cause"];
  return { ...value, ...Object.fromEntries(names.filter((name) => name in value).map((name) => [name, Reflect.get(value, name)])) };
}

function getText(value: unknown): string {
  return typeof value === "string" ? value : "";
}
