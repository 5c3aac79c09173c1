import { readFileSync } from "node:fs";

import { InputError, getErrorMessage } from "../../errors.js";

/** The variables in which an operator provides the users' keys. */
export interface ApiKeyEnv {
  readonly REVIEW_INSTRUCT_API_KEYS?: string;
  readonly REVIEW_INSTRUCT_API_KEYS_FILE?: string;
}

/**
 * Reads the users' keys from a variable, or from the file that the other variable names.
 *
 * @returns The text and the name of its source, or null if neither variable is set.
 * @throws {InputError} If the file cannot be read.
 */
export function readApiKeys(env: ApiKeyEnv): { text: string; source: string } | null {
  const { REVIEW_INSTRUCT_API_KEYS: text, REVIEW_INSTRUCT_API_KEYS_FILE: file } = env;
  if (text) return { text, source: "REVIEW_INSTRUCT_API_KEYS" };
  if (!file) return null;
  try {
    return { text: readFileSync(file, "utf8"), source: file };
  } catch (error) {
    const message = `cannot read the file that REVIEW_INSTRUCT_API_KEYS_FILE names: ${getErrorMessage(error)}`;
    throw new InputError(message, { file }, { cause: error });
  }
}
