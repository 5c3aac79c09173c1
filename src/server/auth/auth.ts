import { env } from "../../env.js";
import { InputError } from "../../errors.js";
import { type ApiKeyLookup, parseApiKeys } from "./api-keys.js";
import { createOwnerAuth } from "./owner-auth.js";
import { readApiKeys } from "./read-api-keys.js";

/** The handlers that `auth` in `langgraph.auth.json` names. */
export const auth = createOwnerAuth(loadApiKeys(), ["review_instruct", "review_panel"]);

function loadApiKeys(): ApiKeyLookup {
  const keys = readApiKeys(env);
  if (keys) return parseApiKeys(keys.text, keys.source);
  throw new InputError("access is on, but there are no keys: set REVIEW_INSTRUCT_API_KEYS (user:key,...) or REVIEW_INSTRUCT_API_KEYS_FILE", {
    field: "REVIEW_INSTRUCT_API_KEYS",
  });
}
