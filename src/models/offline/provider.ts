import type { ModelProvider } from "../provider.js";
import { OfflineChatModel } from "./model.js";

/** `offline`: example texts from templates, without network or key. */
export const offlineProvider: ModelProvider = {
  create: () => new OfflineChatModel(),
  defaultBaseUrl: null,
  hasModelNames: false,
};
