import { readFileSync } from "node:fs";

import { InputError } from "../../errors.js";

/** Where an operator puts users' keys. */
export interface KeyVariables {
  readonly REVIEW_INSTRUCT_API_KEYS?: string;
  readonly REVIEW_INSTRUCT_API_KEYS_FILE?: string;
}

/**
 * The text that holds users' keys, and the name of the place: a variable, or the file that the other one names. Null where
 * neither is set. Throws `InputError` for a file that cannot be read.
 */
export function readApiKeys(variables: KeyVariables): { text: string; source: string } | null {
  const { REVIEW_INSTRUCT_API_KEYS: text, REVIEW_INSTRUCT_API_KEYS_FILE: file } = variables;
  if (text) return { text, source: "REVIEW_INSTRUCT_API_KEYS" };
  if (!file) return null;
  try {
    return { text: readFileSync(file, "utf8"), source: file };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InputError(`cannot read the keys that REVIEW_INSTRUCT_API_KEYS_FILE names: ${reason}`, { file }, { cause: error });
  }
}
