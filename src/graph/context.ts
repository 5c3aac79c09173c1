import type { z } from "zod";

import { Settings } from "../state/settings.js";

/**
 * `Settings` as the context schema of a graph, typed so that callers may leave out what has a default.
 *
 * With its own type, LangGraph would require every setting, and a host graph with another context could not use the graph.
 */
export const contextSchema: z.ZodObject = Settings;
