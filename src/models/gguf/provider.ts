import { resolve } from "node:path";

import type { ModelProvider } from "../provider.js";
import { GgufChatModel } from "./chat-model.js";
import { loadHubFile, parseHubReference } from "./hub-file.js";
import { openModel } from "./open-model.js";

/** `gguf:<path>` or `gguf:hf:<owner>/<repository>/<file>`: a model inside this process. */
export const ggufProvider: ModelProvider = {
  create: async ({ name, settings, env }) => {
    const reference = parseHubReference(name);
    const path = reference ? await loadHubFile(reference, { env }) : resolve(name);
    return new GgufChatModel(name, settings, await openModel(path));
  },
  defaultBaseUrl: null,
  hasModelNames: true,
};
