import { environment } from "./environment.js";
import { createReviewInstructGraph } from "./graph/review-instruct.js";
import { createModelAccess } from "./models/access.js";

/** What `langgraph.json` points at. Without a checkpointer: LangGraph server brings its own. */
export const reviewInstruct = createReviewInstructGraph({ models: createModelAccess({ env: environment }) });
