import { environment } from "./environment.js";
import { createReviewInstructGraph } from "./graph/review-instruct.js";
import { createLogger } from "./logger.js";
import { openServerModels } from "./models/server-models.js";
import { withServerTracing } from "./tracing/server-tracing.js";
import { isTracingOn } from "./tracing/variables.js";

const models = openServerModels(environment, { withRunIds: isTracingOn(environment) });

/** What `langgraph.json` points at. Without a checkpointer: LangGraph server brings its own. */
export const reviewInstruct = withServerTracing(createReviewInstructGraph({ models }), { env: environment, onWarning: createLogger().warn });
