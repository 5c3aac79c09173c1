import { readFile } from "node:fs/promises";

import { parse } from "yaml";
import { z } from "zod";

import { InputError, getErrorMessage } from "../../errors.js";
import { Settings } from "../../state/settings.js";
import { formatZodIssues } from "./format-zod-issues.js";

const Config = z.strictObject({
  ...Object.fromEntries(Object.keys(Settings.shape).map((name) => [name, z.unknown().optional()])),
  prices: z.record(z.string(), z.unknown()).optional(),
});

/**
 * Reads a config file. Its keys are checked, its values are not yet.
 *
 * @throws {InputError} Naming the file and every unknown key.
 */
export async function readConfig(file: string): Promise<{ prices?: Record<string, unknown> } & Record<string, unknown>> {
  const result = Config.safeParse(await readStructured(file));
  if (!result.success) throw new InputError(`${file}: ${formatZodIssues(result.error)}`, { file });
  return result.data;
}

/**
 * Reads a YAML or JSON file.
 *
 * @throws {InputError} With file and line.
 */
export async function readStructured(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new InputError(`cannot read ${file}: ${getErrorMessage(error)}`, { file }, { cause: error });
  }
  try {
    return parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw new InputError(`${file} is neither YAML nor JSON: ${getErrorMessage(error)}`, { file }, { cause: error });
  }
}
