import type { Command } from "commander";

import { positiveInteger, positiveNumber } from "./settings-options.js";

/** How endpoints are treated; none of it changes what a conversation says. */
export interface EndpointFlags {
  readonly timeout: number;
  readonly maxRetries: number;
}

export function addEndpointOptions(command: Command): Command {
  return command
    .optionsGroup("Endpoints:")
    .option("--timeout <seconds>", "give up an attempt after this long", positiveNumber, 600)
    .option("--max-retries <n>", "attempts after the first one, for rate limits, server errors, timeouts and resets", positiveInteger, 6);
}
