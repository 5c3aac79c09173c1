import type { ModelCallCode } from "../../errors.js";
import { AttemptError } from "./attempt-error.js";
import { wasNeverSent } from "./request-sent.js";
import { type ResponseHeaders, readRetryAfter } from "./retry-after.js";

/** What may be known of an error from a provider's SDK, or of one that caused it. */
interface ErrorInfo {
  readonly kind: string;
  readonly name: string;
  readonly message: string;
  readonly code: string;
  readonly type: string;
  readonly status: number | undefined;
  readonly headers: ResponseHeaders | undefined;
}

const statusCodes: Readonly<Record<number, ModelCallCode>> = {
  401: "model_unauthorized",
  402: "model_insufficient_quota",
  404: "model_not_found",
  405: "model_not_found",
  403: "model_unauthorized",
  408: "model_unavailable",
  409: "model_unavailable",
  425: "model_unavailable",
  429: "model_rate_limited",
};

/** Failures by status that may pass by themselves. */
const retryableCodes: readonly ModelCallCode[] = ["model_unavailable", "model_rate_limited"];

/**
 * What went wrong in one attempt, from whatever a chat model threw: by HTTP status where there is one, else by the kind of
 * the error and of its causes. `redact` makes a text from outside fit to be shown. The error itself is not passed on, since
 * SDKs put requests, keys included, into theirs; the cause that is kept is a name, a message and a stack.
 */
export function toAttemptError(error: unknown, redact: (text: string) => string): AttemptError {
  if (error instanceof AttemptError) return new AttemptError(error.code, redact(error.message), error.detail, { cause: error.cause });
  const links = getErrorChain(error);
  const answered = links.find((link) => link.status !== undefined);
  if (answered?.status !== undefined) return toHttpError(answered, answered.status, redact);
  const said = redact(
    links
      .map((link) => link.message || link.code)
      .filter(Boolean)
      .join(": "),
  );
  const unavailable = (what: string, retryable: boolean) =>
    new AttemptError(
      "model_unavailable",
      `${what}: ${said}`,
      { retryable, requestNotSent: wasNeverSent(error) },
      { cause: toSafeError(error, redact) },
    );
  if (links.some(isTimeout)) return new AttemptError("model_timeout", said, { retryable: true });
  if (links.some(isConnection)) return unavailable("the connection failed", true);
  if (links.some((link) => link.kind === "SyntaxError")) return unavailable("the answer is not JSON", true);
  if (links.some((link) => link.kind === "APIError")) return unavailable("the endpoint broke off", true);
  return unavailable("the chat model failed", false);
}

function toHttpError(link: ErrorInfo, status: number, redact: (text: string) => string): AttemptError {
  // OpenAI says so with the status of a rate limit, which waiting would not end.
  const outOfQuota = [link.code, link.type, link.message].some((text) => text.includes("insufficient_quota"));
  const code = outOfQuota ? "model_insufficient_quota" : (statusCodes[status] ?? getCodeOfStatusClass(status));
  const said = redact(link.message.replace(/^\d{3} /, ""));
  return new AttemptError(code, said ? `HTTP ${status}: ${said}` : `HTTP ${status}`, {
    retryable: retryableCodes.includes(code),
    status,
    retryAfterMs: link.headers && readRetryAfter(link.headers),
  });
}

function getCodeOfStatusClass(status: number): ModelCallCode {
  if (status >= 500) return "model_unavailable";
  // A redirect is not followed: the path is another one.
  return status >= 300 && status < 400 ? "model_not_found" : "model_bad_request";
}

function isTimeout({ kind, name, code }: ErrorInfo): boolean {
  return kind === "APIConnectionTimeoutError" || name === "TimeoutError" || /TIMEDOUT|_TIMEOUT$/.test(code);
}

function isConnection({ kind, message, code }: ErrorInfo): boolean {
  return (
    kind === "APIConnectionError" ||
    /^(?:E[A-Z]+|EAI_\w+|UND_ERR_\w+)$/.test(code) ||
    (kind === "TypeError" && /^(?:fetch failed|terminated)$/.test(message))
  );
}

/** The error and its causes, outermost first. */
function getErrorChain(error: unknown): ErrorInfo[] {
  const links: ErrorInfo[] = [];
  for (let current = error; current !== undefined && current !== null && links.length < 5; current = getFields(current).cause) {
    links.push(getErrorInfo(current));
  }
  return links;
}

function getErrorInfo(error: unknown): ErrorInfo {
  const fields = getFields(error);
  const response = getFields(fields.response);
  const status = [fields.status, fields.statusCode, response.status].find((value) => typeof value === "number");
  const headers = fields.headers ?? response.headers;
  return {
    kind: error instanceof Error ? error.constructor.name : "",
    name: getText(fields.name),
    // LangChain adds a link that is of no use here.
    message: (typeof error === "string" ? error : getText(fields.message)).replace(/\s*Troubleshooting URL: \S+\s*$/, ""),
    code: getText(fields.code),
    type: getText(fields.type),
    status: typeof status === "number" ? status : undefined,
    headers: headers instanceof Headers ? headers : typeof headers === "object" && headers !== null ? getFields(headers) : undefined,
  };
}

function toSafeError(error: unknown, redact: (text: string) => string): Error {
  const shown = new Error(redact(error instanceof Error ? error.message : String(error)));
  if (error instanceof Error) shown.stack = error.stack?.split("\n").map(redact).join("\n");
  return shown;
}

/** Also what an error inherits, which a spread would leave out. */
function getFields(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) return {};
  const names = ["name", "message", "code", "type", "status", "statusCode", "headers", "response", "cause"];
  return { ...value, ...Object.fromEntries(names.filter((name) => name in value).map((name) => [name, Reflect.get(value, name)])) };
}

function getText(value: unknown): string {
  return typeof value === "string" ? value : "";
}
