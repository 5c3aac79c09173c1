import type { AttemptError } from "../attempt/attempt-error.js";
import { isPossiblyCharged } from "../budget/max-usage.js";
import type { ModelRequest } from "../model-call.js";
import { type Adaptation, hasPart } from "./adaptation.js";
import { isParameterRefusal } from "./refused-parameter.js";

/** Codes of errors that no change of the request would help against. */
const unrelatedCodes: readonly AttemptError["code"][] = [
  "model_unauthorized",
  "model_insufficient_quota",
  "model_quota_exhausted",
  "model_request_refused",
  "model_context_overflow",
  "model_rate_limited",
  "model_timeout",
];

/** Chat templates that take system messages say so where roles do not alternate. */
const systemRoleTaken = /optional (?:initial )?system/i;
const developerRoleRefused =
  /\bdevelop(?:er)?\b[^.;]{0,40}\b(?:not (?:one of|supported|allowed|valid)|unsupported|unknown|unexpected|invalid)|(?:not support|n['’]t support|unsupported|unknown|unexpected|invalid)[^.;]{0,40}\bdeveloper\b/i;
const developerRoleWanted = /\buse\b(?:(?!system)[^.;]){0,30}\bdeveloper\b/i;
/** What servers write when a chat template or a model knows no system messages. Real messages: see the test. */
const systemRoleRefused: readonly RegExp[] = [
  /\broles? must alternate|\bshould alternate between|\balternating (?:user|roles)/i,
  /\bsystem (?:role|message|prompt|instruction)s?\b[^.;]{0,40}\b(?:not|un|no longer|cannot|n['’]t)\s*(?:be )?(?:support|allow|enabl|accept|used)/i,
  /(?:not support|n['’]t support|unsupported|unknown|unexpected|invalid|not accept|not allow)[^.;]{0,40}(?:['"`]system['"`]|\bsystem (?:role|message|prompt|instruction)s?\b|\brole:? system\b)/i,
  /['"`]system['"`] is not (?:a valid|an? (?:allowed|supported)|one of|supported|allowed)/i,
  /\bonly\b[^.;]{0,20}\buser\b[^.;]{0,12}\bassistant\b[^.;]{0,20}\broles?\b/i,
  /\brole\b[^;]{0,60}\b(?:must be|should be|expected|one of|to be)\b(?:(?!system)[^;]){0,30}\buser\b(?:(?!system)[^;]){0,20}\bassistant\b(?![^;]{0,40}\bsystem\b)/i,
  /\bdeveloper instruction is not enabled/i,
];

/** What servers write when they cannot keep to a format. The prompt describes it as well, so a wrong guess costs one request. */
const formatRefused: readonly RegExp[] = [
  /response.?(?:format|schema|mime)|json.?(?:schema|mode|object|format|output|validate)|\bschema\b|structured.?output|output_(?:config|format)/i,
  /\bguided\b|grammar|outlines|logits?.?processor|constrained (?:decoding|generation)|failed.?generation|generate (?:valid )?JSON/i,
  /\b(?:additionalProperties|minimum|maximum|exclusiveM\w+|m(?:in|ax)(?:Length|Items)|enum|properties|\$ref|anyOf)\b|\bstrict\b/,
  /\brequested parameters\b/i,
];

/** Returns the change that an endpoint's words ask for, or null if they name nothing that can be changed. */
export function findRefusal(sent: ModelRequest, error: AttemptError): Adaptation | null {
  if (!isPossibleRefusal(error)) return null;
  const { message } = error;
  if (hasPart(sent, "temperature") && isParameterRefusal(message, "temperature")) return { temperature: "none" };
  if (isParameterRefusal(message, "max_tokens") || /\buse\W{0,3}max_completion_tokens/i.test(message))
    return { maxTokensParameter: "max_completion_tokens" };
  if (isParameterRefusal(message, "max_completion_tokens")) return { maxTokensParameter: "max_tokens" };
  const systemRole = findSystemRole(sent, message);
  if (systemRole) return { systemRole };
  return isFormatRefusal(sent, error) ? getLesserFormat(sent) : null;
}

/** Returns true for an error that can be about the form of the request, and that cost nothing. */
export function isPossibleRefusal(error: AttemptError): boolean {
  const { requestNotSent, status } = error.details;
  return !requestNotSent && status !== 429 && !unrelatedCodes.includes(error.code) && !isPossiblyCharged(error);
}

function findSystemRole(sent: ModelRequest, message: string): Adaptation["systemRole"] {
  const { systemRole } = sent.settings;
  const hasSystem = sent.messages.some(({ type }) => type === "system");
  if (!hasSystem || systemRole === "merge" || systemRoleTaken.test(message)) return undefined;
  if (/developer instruction/i.test(message)) return "merge";
  if (systemRole !== "developer" && developerRoleWanted.test(message)) return "developer";
  if (systemRole !== "system" && developerRoleRefused.test(message)) return "system";
  return systemRoleRefused.some((pattern) => pattern.test(message)) ? "merge" : undefined;
}

function isFormatRefusal(sent: ModelRequest, { message, details }: AttemptError): boolean {
  const statuses = [200, 400, 404, 405, 415, 422, 500, 501];
  if (!sent.responseFormat || (details.status !== undefined && !statuses.includes(details.status))) return false;
  return formatRefused.some((pattern) => pattern.test(message));
}

/** Asks for less: any JSON object in place of a schema, then nothing. */
function getLesserFormat({ responseFormat }: ModelRequest): Adaptation {
  return { responseFormat: responseFormat?.type === "json_object" ? "none" : "json_object" };
}
