/** An error as the body of a response reports it. Absent texts are empty. */
export interface ErrorReport {
  readonly message: string;
  readonly code: string;
  readonly type: string;
  /** HTTP status that the error names, in a number or in words. */
  readonly status: number | undefined;
}

/** Thrown for an error that a response with status 200 reports. It is classified like one with the status it names. */
export class ReportedError extends Error {
  override readonly name = "ReportedError";
  readonly code: string;
  readonly type: string;
  /** Tells the classification that the request cost nothing. */
  readonly isInBody: boolean;

  constructor(
    { message, code, type }: ErrorReport,
    readonly status: number,
    { isInBody }: { readonly isInBody: boolean },
  ) {
    super(isInBody ? `${message} (reported in a response with status 200)` : message);
    this.code = code;
    this.type = type;
    this.isInBody = isInBody;
  }
}

/** Codes and types by which servers name a status. */
const statusesByName: Readonly<Record<number, RegExp>> = {
  400: /^(?:bad_?request(?:_error)?|invalid_?argument|invalid_?request(?:_error)?|context_length_exceeded|exceed_context_size_error|validation_error)$/,
  401: /^(?:unauthorized|unauthenticated|authentication_error|invalid_?(?:api_?)?key|invalid_authentication)$/,
  402: /^(?:payment_required|billing_error|insufficient_(?:credits?|balance|quota|funds)|billing_hard_limit_reached)$/,
  403: /^(?:forbidden|permission_?(?:denied|error)|access_denied)$/,
  404: /^(?:not_?found(?:_error)?|model_not_found|no_such_model)$/,
  408: /^(?:request_timeout)$/,
  429: /^(?:rate_?limit(?:_exceeded|_error|ed)?|too_many_requests|resource_exhausted|throttling(?:_?exception)?|requests|tokens)$/,
  500: /^(?:internal(?:_?server)?(?:_?error)?|server_error|api_error|unknown)$/,
  502: /^(?:bad_?gateway|upstream_error|provider_error)$/,
  503: /^(?:unavailable|service_?unavailable(?:_?error)?|overloaded(?:_error)?|model_overloaded|engine_overloaded|capacity)$/,
  504: /^(?:gateway_?timeout|deadline_exceeded|timeout(?:_error)?)$/,
};

/** Maximum length of an error text from a server. */
const maxMessageLength = 2_000;

/**
 * Finds the error that a body reports, in any of the shapes that servers and routers use.
 *
 * @param hasResponse True if the body holds a response, too. Then only a field `error` counts.
 * @returns Null if it reports none.
 */
export function findError(body: unknown, hasResponse = false): ErrorReport | null {
  const outer = getFields(Array.isArray(body) ? body[0] : body);
  const error = outer.error;
  if (isReported(error)) return describeError(outer, error);
  if (hasResponse) return null;
  const isError = outer.object === "error" || outer.type === "error" || outer.status === "error" || outer.success === false;
  const [first] = Array.isArray(outer.errors) ? outer.errors : [];
  const baseResponse = getFields(outer.base_resp);
  if (isReported(first)) return describeError(outer, first);
  if (isReported(baseResponse.status_code)) return describeError(baseResponse, baseResponse.status_msg);
  const texts = [outer.message, outer.error_msg, outer.msg].filter((text) => typeof text === "string");
  const text = [...texts, outer.detail].find(isReported);
  return text !== undefined || isError ? describeError(outer, text) : null;
}

/** Describes the error of a response whose status says that it is one. */
export function describeErrorBody(body: unknown): ErrorReport {
  return findError(body) ?? { message: toText(body), code: "", type: "", status: undefined };
}

function describeError(outer: Readonly<Record<string, unknown>>, error: unknown): ErrorReport {
  const inner = getFields(error);
  const own = typeof error === "string" ? error : (inner.message ?? inner.msg ?? inner.detail ?? outer.message ?? outer.detail ?? error ?? outer);
  const details = getDetails(getFields(inner.metadata));
  const names = [inner.code, inner.status, inner.status_code, inner.type, outer.code, outer.status_code, outer.status, outer.type];
  return {
    message: [toText(own), ...details].join(" ").slice(0, maxMessageLength),
    code: toName(inner.code ?? outer.code),
    type: toName(inner.type ?? inner.status),
    status: names.map(toStatus).find((status) => status !== undefined),
  };
}

/** Returns what a router adds: the words of the provider behind it, and why a text was flagged. */
function getDetails({ raw, reasons, provider_name: provider }: Readonly<Record<string, unknown>>): string[] {
  const parts = [provider, raw, reasons].filter(isReported).map(toText);
  return parts.length > 0 ? [`(${parts.join(": ")})`] : [];
}

function toStatus(value: unknown): number | undefined {
  const number = typeof value === "number" || (typeof value === "string" && /^\d{3}$/.test(value.trim())) ? Number(value) : Number.NaN;
  if (Number.isInteger(number) && number >= 400 && number < 600) return number;
  if (typeof value !== "string") return undefined;
  const name = value
    .trim()
    .replace(/(\p{Ll})(\p{Lu})/gu, "$1_$2")
    .toLowerCase()
    .replace(/[\s-]+/g, "_");
  const found = Object.entries(statusesByName).find(([, pattern]) => pattern.test(name));
  return found && Number(found[0]);
}

function isReported(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return typeof value === "string" ? value.trim() !== "" : typeof value === "number" ? value !== 0 : value === true;
}

function toText(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

function toName(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

function getFields(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
