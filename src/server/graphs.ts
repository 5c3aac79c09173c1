import { extractKeys } from "./auth/api-keys.js";
import { readApiKeys } from "./auth/read-api-keys.js";
import { env } from "../env.js";
import { settingsFingerprint } from "../generation/fingerprint.js";
import { createReviewInstructGraph } from "../graph/review-instruct.js";
import { createReviewPanel } from "../graph/review-panel.js";
import { createLogger } from "../logger.js";
import { endpointsEnvVar, parseEndpoints } from "./endpoint-allow-list.js";
import { createServerModelCaller } from "./models.js";
import { withServerTracing } from "../tracing/server-tracing.js";

const listed = parseEndpoints(env[endpointsEnvVar]);
const tracing = {
  env: env,
  endpoints: listed === "any" ? [] : listed,
  keys: extractKeys(readApiKeys(env)?.text ?? ""),
  onWarning: createLogger().warn,
  fingerprintOf: settingsFingerprint,
};
const callModel = createServerModelCaller(env);

/** The loop, as `langgraph.json` names it. Without a checkpointer: LangGraph server brings its own. */
export const reviewInstruct = withServerTracing(createReviewInstructGraph({ callModel }), tracing);

/** The panel by itself: reviews the last answer of any conversation. */
export const reviewPanel = withServerTracing(createReviewPanel({ callModel }), tracing);
