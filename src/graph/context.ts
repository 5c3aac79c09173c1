import type { z } from "zod";

import { Settings } from "../state/settings.js";

/**
 * `Settings` as the context of a graph, for callers to give what they like of it (`SettingsInput`). Its own type would make
 * LangGraph ask for every setting, those with defaults too, and keep the graph out of hosts whose context is another.
 */
export const settingsContext: z.ZodObject = Settings;
