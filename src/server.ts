import { keysIn } from "./access/api-keys.js";
import { readKeyText } from "./access/key-text.js";
import { environment } from "./environment.js";
import { settingsFingerprint } from "./generation/fingerprint.js";
import { createReviewInstructGraph } from "./graph/review-instruct.js";
import { createReviewPanel } from "./graph/review-panel.js";
import { createLogger } from "./logger.js";
import { endpointsVariable, parseEndpoints } from "./models/allow-list.js";
import { openServerModels } from "./models/server-models.js";
import { withServerTracing } from "./tracing/server-tracing.js";

const listed = parseEndpoints(environment[endpointsVariable]);
const tracing = {
  env: environment,
  endpoints: listed === "any" ? [] : listed,
  keys: keysIn(readKeyText(environment)?.text ?? ""),
  onWarning: createLogger().warn,
  fingerprintOf: settingsFingerprint,
};
const models = openServerModels(environment);

/** The loop, as `langgraph.json` names it. Without a checkpointer: LangGraph server brings its own. */
export const reviewInstruct = withServerTracing(createReviewInstructGraph({ models }), tracing);

/** The panel by itself: reviews the last answer of any conversation. */
export const reviewPanel = withServerTracing(createReviewPanel({ models }), tracing);
