import { resolve } from "node:path";

import type { ModelProvider } from "../provider.js";
import { GgufChatModel } from "./chat-model.js";
import { loadHubFile, parseHubReference } from "./hub-file.js";
import { loadLlamaModule } from "./llama-module.js";
import { openModel } from "./open-model.js";
import { setGgufSlots } from "./slots.js";

/** `gguf:<path>` or `gguf:hf:<owner>/<repository>/<file>`: a model inside this process. */
export const ggufProvider: ModelProvider = {
  create: async ({ name, settings, env }) => {
    const reference = parseHubReference(name);
    // Before a file is fetched for nothing.
    if (reference) await loadLlamaModule();
    const path = reference ? await loadHubFile(reference, { env }) : resolve(name);
    const model = await openModel(path);
    setGgufSlots(name, model.sequenceCount);
    return new GgufChatModel(name, settings, model);
  },
  defaultBaseUrl: null,
  hasModelNames: true,
};
