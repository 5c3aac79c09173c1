import { type Command, InvalidArgumentError } from "commander";

import { getErrorMessage } from "../../errors.js";
import { parsePositiveInteger } from "./numbers.js";

/** Flags of how every role that sets nothing of its own calls its model; each has the name of its setting. */
export interface SamplingFlags {
  readonly temperature?: number | "none";
  readonly maxOutputTokens?: number;
  readonly extraBody?: unknown;
}

/** Adds the flags of {@link SamplingFlags}. */
export function addSamplingOptions(command: Command): Command {
  return command
    .option("--temperature <number>", "temperature of those roles, or `none` to send none (default: 0.1)", parseTemperature)
    .option("--max-output-tokens <count>", "maximum number of tokens in one of their responses (default: 2048)", parsePositiveInteger)
    .option(
      "--extra-body <json>",
      'JSON object to add to the body of their requests, e.g. {"chat_template_kwargs": {"enable_thinking": false}}',
      parseJson,
    );
}

/** Returns the setting for the flag `--temperature`, if it is given. The library for flags has no null. */
export function toTemperature({ temperature }: SamplingFlags): { readonly temperature?: number | null } {
  if (temperature === undefined) return {};
  return { temperature: temperature === "none" ? null : temperature };
}

function parseTemperature(text: string): number | "none" {
  if (text === "none") return text;
  const temperature = Number(text);
  if (text.trim() === "" || !(temperature >= 0 && temperature <= 2)) throw new InvalidArgumentError("It must be a number from 0 to 2, or `none`.");
  return temperature;
}

/** The schema of the settings checks what the JSON holds. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvalidArgumentError(`It must be JSON: ${getErrorMessage(error)}.`);
  }
}
