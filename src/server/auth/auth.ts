import { parseApiKeys } from "./api-keys.js";
import { readApiKeys } from "./read-api-keys.js";
import { createOwnerAuth } from "./owner-auth.js";
import { env } from "../../env.js";
import { InputError } from "../../errors.js";

/** What `auth` in langgraph.auth.json points at: keys out of REVIEW_INSTRUCT_API_KEYS, or the file that REVIEW_INSTRUCT_API_KEYS_FILE names. */
export const auth = createOwnerAuth(keyRing(), ["review_instruct", "review_panel"]);

function keyRing() {
  const keys = readApiKeys(env);
  if (keys) return parseApiKeys(keys.text, keys.source);
  throw new InputError("access is on, but there are no keys: set REVIEW_INSTRUCT_API_KEYS (user:key,...) or REVIEW_INSTRUCT_API_KEYS_FILE", {
    field: "REVIEW_INSTRUCT_API_KEYS",
  });
}
