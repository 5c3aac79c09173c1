import { env } from "../env.js";
import { computeSettingsFingerprint } from "../generation/fingerprint.js";
import { createReviewInstructGraph } from "../graph/review-instruct.js";
import { createReviewPanel } from "../graph/review-panel.js";
import { createLogger } from "../logger.js";
import { withServerTracing } from "../tracing/server-tracing.js";
import { extractKeys } from "./auth/api-keys.js";
import { readApiKeys } from "./auth/read-api-keys.js";
import { endpointsEnvVar, parseEndpoints } from "./endpoint-allow-list.js";
import { createServerModelCaller } from "./models.js";

const allowedEndpoints = parseEndpoints(env[endpointsEnvVar]);
const tracingOptions = {
  env,
  endpoints: allowedEndpoints === "any" ? [] : allowedEndpoints,
  secrets: extractKeys(readApiKeys(env)?.text ?? ""),
  onWarning: createLogger().warn,
  getFingerprint: computeSettingsFingerprint,
};
const callModel = createServerModelCaller(env);

/** The conversation graph that `langgraph.json` names. It has no checkpointer, since LangGraph server provides one. */
export const reviewInstruct = withServerTracing(createReviewInstructGraph({ callModel }), tracingOptions);

/** The review panel alone, which reviews the last response of any conversation. */
export const reviewPanel = withServerTracing(createReviewPanel({ callModel }), tracingOptions);
