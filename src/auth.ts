import { readFileSync } from "node:fs";

import { parseApiKeys } from "./access/api-keys.js";
import { perUserAuth } from "./access/per-user.js";
import { environment } from "./environment.js";
import { InputError } from "./errors.js";

const { REVIEW_INSTRUCT_API_KEYS: keys, REVIEW_INSTRUCT_API_KEYS_FILE: file } = environment;

/** What `auth` in langgraph.auth.json points at: keys out of REVIEW_INSTRUCT_API_KEYS, or the file that REVIEW_INSTRUCT_API_KEYS_FILE names. */
export const auth = perUserAuth(keyRing(), ["review_instruct", "review_panel"]);

function keyRing() {
  if (keys) return parseApiKeys(keys, "REVIEW_INSTRUCT_API_KEYS");
  if (file) return parseApiKeys(readFileSync(file, "utf8"), file);
  throw new InputError("access is on, but there are no keys: set REVIEW_INSTRUCT_API_KEYS (user:key,...) or REVIEW_INSTRUCT_API_KEYS_FILE", {
    field: "REVIEW_INSTRUCT_API_KEYS",
  });
}
