import type { z } from "zod";

import { Settings } from "../state/settings.js";

/**
 * `Settings` as the context schema of a graph, with a general type.
 *
 * With the exact type, LangGraph would require every setting, and a host graph with another context could not contain the graph.
 */
export const contextSchema: z.ZodObject = Settings;
