import { environment } from "./environment.js";
import { createReviewInstructGraph } from "./graph/review-instruct.js";
import { openServerModels } from "./models/server-models.js";

/** What `langgraph.json` points at. Without a checkpointer: LangGraph server brings its own. */
export const reviewInstruct = createReviewInstructGraph({ models: openServerModels(environment) });
