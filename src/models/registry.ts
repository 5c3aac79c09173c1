import type { Price, PriceTable } from "../model-calls/budget/prices.js";
import { describeBaseUrl } from "../model-calls/model-call.js";
import type { ModelSettings } from "../state/settings.js";
import { ggufProvider } from "./gguf/provider.js";
import { langChainPackages } from "./langchain/packages.js";
import { createLangChainProvider } from "./langchain/provider.js";
import { offlineProvider } from "./offline/provider.js";
import { openaiProvider } from "./openai/provider.js";
import { type ModelProvider, ProviderConfigurationError } from "./provider.js";

/** Providers by the word before the colon. A new provider is a folder and one line here. */
const providers = new Map<string, ModelProvider>([
  ["offline", offlineProvider],
  ["openai", openaiProvider],
  ["gguf", ggufProvider],
  ...langChainPackages.map((definition): [string, ModelProvider] => [definition.id, createLangChainProvider(definition)]),
]);

/** A model specification resolved to its provider. */
export interface ModelSpec {
  readonly provider: ModelProvider;
  /** The model's name at the provider. */
  readonly name: string;
}

/**
 * Resolves `<provider>:<name>`, or the name of a provider with a single model.
 *
 * @throws {ProviderConfigurationError} For any other text, naming the known forms.
 */
export function resolveModelSpec(spec: string): ModelSpec {
  const { provider, name } = splitSpec(spec);
  if (provider && provider.hasModelNames === (name !== "")) return { provider, name };
  const knownForms = [...providers].map(([id, { hasModelNames }]) => `"${id}${hasModelNames ? ":<name>" : ""}"`).join(", ");
  throw new ProviderConfigurationError(
    `"${spec}" is not a known model. Known are ${knownForms}; "openai:<name>" serves OpenAI and every compatible server (set its base URL)`,
  );
}

/** Returns the model's name at its provider, e.g. `gpt-4o` for `openai:gpt-4o`. Returns an unknown provider's spec unchanged. */
export function getModelName(spec: string): string {
  const { provider, name } = splitSpec(spec);
  return provider && name !== "" ? name : spec;
}

function splitSpec(spec: string): { readonly provider: ModelProvider | undefined; readonly name: string } {
  const [providerId = "", ...nameParts] = spec.split(":");
  return { provider: providers.get(providerId), name: nameParts.join(":").trim() };
}

/** Returns the provider of a model as settings name it; undefined for an unknown one. */
export function findProvider(spec: string): ModelProvider | undefined {
  return splitSpec(spec).provider;
}

/** Returns true for a model inside this process, which needs no endpoint, key or price. */
export function isInProcess({ model }: Pick<ModelSettings, "model">): boolean {
  return splitSpec(model).provider?.defaultBaseUrl === null;
}

/** Returns true for a model whose name is a path or leads to a download, which no request to a server may name. */
export function isFileModel({ model }: Pick<ModelSettings, "model">): boolean {
  return splitSpec(model).provider === ggufProvider;
}

/** Returns where a model's calls go, without credentials or query; null for a model inside this process. */
export function describeEndpoint(settings: Pick<ModelSettings, "model" | "baseUrl" | "replicas">): string | null {
  if (isInProcess(settings)) return null;
  // An unknown provider needs some endpoint for error messages.
  const { provider = openaiProvider } = splitSpec(settings.model);
  return describeBaseUrl({ baseUrl: settings.baseUrl ?? provider.defaultBaseUrl, replicas: settings.replicas });
}

/** Adds the price of models inside this process, which is zero. */
export function withInProcessPrices(prices: PriceTable): PriceTable {
  const zeroPrice: Price = { inputUsdPerMillion: 0, outputUsdPerMillion: 0 };
  const inProcess = [...providers].filter(([, { defaultBaseUrl }]) => defaultBaseUrl === null).map(([id]) => [id, zeroPrice]);
  return { ...Object.fromEntries(inProcess), ...prices };
}
