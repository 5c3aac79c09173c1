import type { BaseChatModel } from "@langchain/core/language_models/chat_models";

import { type Environment, environment } from "../environment.js";
import type { ModelAccess, ModelRequest } from "../nodes/model-access.js";
import { querySecrets } from "../state/base-url.js";
import type { ModelSettings } from "../state/settings.js";
import { attemptCall } from "./call/attempt-call.js";
import { endpointOf } from "./endpoint.js";
import { createChatModel, defaultTimeoutMs, keyOf } from "./provider.js";
import { type RetryOptions, withRetry } from "./call/retry.js";
import { withSchemaFallback } from "./call/schema-fallback.js";

/** Puts something around a model access: a gate, a budget, a cache. */
export type ModelAccessWrapper = (access: ModelAccess) => ModelAccess;

/** What {@link createModelAccess} is made of; retries as in `RetryOptions`. */
export interface ModelAccessOptions extends Omit<RetryOptions, "describeEndpoint"> {
  /** Where API keys are looked up. Default: the environment of the process. */
  readonly env?: Environment;
  /** Milliseconds until one attempt is given up. Default ten minutes. */
  readonly timeoutMs?: number;
  /** Wrappers around each attempt, within the retries, the outermost first. */
  readonly wrap?: readonly ModelAccessWrapper[];
  /**
   * Brings chat models of one's own: any LangChain chat model, for whatever `model` says in the settings. It should make
   * one attempt a call (`maxRetries: 0`), since retries are made here.
   */
  readonly createModel?: (settings: ModelSettings) => BaseChatModel;
}

/** Distinct settings whose models are kept; a server that takes settings from its callers must not grow with them. */
const keptModels = 200;

/** Model access as the graph uses it: retries around wrappers around single attempts. */
export function createModelAccess(options: ModelAccessOptions = {}): ModelAccess {
  const { env = environment, timeoutMs = defaultTimeoutMs, wrap = [], createModel, ...retry } = options;
  const modelFor = keepModels(({ settings, role, reviewer }) =>
    createModel ? createModel(settings) : createChatModel(settings, { env, timeoutMs, caller: { role, reviewer } }),
  );
  const secretsFor = ({ settings }: ModelRequest) => [keyOf(settings, env) ?? [], querySecrets(settings.baseUrl)].flat();
  const attempt = withSchemaFallback(attemptCall({ modelFor, timeoutMs, secretsFor }));
  const wrapped = wrap.reduceRight((inner, around) => around(inner), attempt);
  return withRetry(wrapped, { ...retry, describeEndpoint: createModel ? endpointOfOwn : endpointOf });
}

/** Only its maker knows where a model of one's own goes, unless the settings say. */
function endpointOfOwn(settings: ModelSettings): string {
  return settings.baseUrl === null ? "its own endpoint" : endpointOf(settings);
}

function keepModels(create: (request: ModelRequest) => BaseChatModel): (request: ModelRequest) => BaseChatModel {
  const models = new Map<string, BaseChatModel>();
  return (request) => {
    const { model, baseUrl, apiKeyEnv, temperature, outputLimit } = request.settings;
    const key = JSON.stringify([model, baseUrl, apiKeyEnv, temperature, outputLimit]);
    const kept = models.get(key) ?? create(request);
    // Set anew, so that the first key is always the one that was not used for longest.
    models.delete(key);
    models.set(key, kept);
    const [oldest] = models.keys();
    if (models.size > keptModels && oldest !== undefined) models.delete(oldest);
    return kept;
  };
}
