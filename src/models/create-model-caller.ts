import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { LRUCache } from "lru-cache";

import { type Env, env as processEnv } from "../env.js";
import { ModelCallError } from "../errors.js";
import type { AdaptationEvent } from "../model-calls/adaptation/adaptation-memory.js";
import { withRequestAdaptation } from "../model-calls/adaptation/request-adaptation.js";
import { invokeChatModel } from "../model-calls/attempt/invoke-chat-model.js";
import { createFaultFinder } from "../model-calls/middleware/fault-finder.js";
import { withReplicas } from "../model-calls/middleware/replicas.js";
import { type RetryOptions, withRetry } from "../model-calls/middleware/retry.js";
import { type CallModel, type DescribeEndpoint, type ModelMiddleware, type ModelRequest, formatCaller } from "../model-calls/model-call.js";
import { getQuerySecrets } from "../redaction.js";
import type { ModelSettings } from "../state/settings.js";
import { getApiKey } from "./api-key.js";
import { withGgufSlots } from "./gguf/slots.js";
import { ProviderConfigurationError } from "./provider.js";
import { withProviderDefaults } from "./provider-defaults.js";
import { getHeaderSecrets } from "./request-headers.js";
import { describeEndpoint, getModelName, resolveModelSpec } from "./registry.js";

/** Options of {@link createModelCaller}; retries as in `RetryOptions`. */
export interface ModelCallerOptions extends Omit<RetryOptions, "describeEndpoint"> {
  /**
   * Environment in which API keys are looked up.
   * @default process.env
   */
  readonly env?: Env;
  /**
   * Milliseconds until one attempt times out.
   * @default 600000
   */
  readonly timeoutMs?: number;
  /**
   * Middleware around each attempt, inside the retries. The first one is the outermost. Default: the fault finder, which goes
   * inside a rate limiter and outside a budget.
   */
  readonly middleware?: readonly ModelMiddleware[];
  /**
   * Creates a LangChain chat model for some settings. It should make one attempt per call (`maxRetries: 0`), as retries are
   * made here. Default: the providers of the registry.
   */
  readonly createModel?: (settings: ModelSettings) => BaseChatModel;
  /** Called once for each change that requests to an endpoint and model are made with because it refused the others. */
  readonly onAdapt?: (event: AdaptationEvent) => void;
}

/** Ten minutes, for a long response from a busy local server. */
const defaultTimeoutMs = 600_000;
/** Bounds the memory of a server that accepts settings from its clients. */
const maxCachedModels = 200;

/**
 * Creates the function that makes model calls: retry(middleware(request adaptation(attempt))).
 *
 * @example
 * ```ts
 * const callModel = createModelCaller({ maxRetries: 2 });
 * const graph = createReviewInstructGraph({ callModel });
 * ```
 */
export function createModelCaller(options: ModelCallerOptions = {}): CallModel {
  const { env = processEnv, timeoutMs = defaultTimeoutMs, createModel, onAdapt, ...retry } = options;
  const describe: DescribeEndpoint = createModel ? describeCustomEndpoint : describeEndpoint;
  const { middleware = [createFaultFinder(describe)] } = options;
  const getChatModel = memoizeModels(async (request) => (createModel ? createModel(request.settings) : createChatModel(request, env, timeoutMs)));
  const getSecrets = ({ settings }: ModelRequest) =>
    [getApiKey(settings, env) ?? [], getQuerySecrets(settings.baseUrl), getHeaderSecrets(settings, env)].flat();
  const singleAttempt = withReplicas()(withGgufSlots()(invokeChatModel({ getChatModel, getModelName, timeoutMs, getSecrets })));
  const attempt = withRequestAdaptation(singleAttempt, { describeEndpoint: describe, onAdapt });
  const wrapped = middleware.reduceRight((next, wrap) => wrap(next), attempt);
  const withDefaults = withProviderDefaults(env);
  return withDefaults(withRetry(wrapped, { ...retry, describeEndpoint: describe }));
}

/** Describes the endpoint of a custom chat model, which is known only if the settings name it. */
function describeCustomEndpoint(settings: ModelSettings): string | null {
  return settings.baseUrl === null ? "its own endpoint" : describeEndpoint(settings);
}

/** Makes what a provider says about its settings the error of the caller that needs its model. */
function toConfigurationError({ caller, settings }: ModelRequest, error: unknown): unknown {
  if (!(error instanceof ProviderConfigurationError)) return error;
  const endpoint = describeEndpoint(settings) ?? settings.model;
  const message = `The ${formatCaller(caller)} cannot call its model at ${endpoint}: ${error.message}.`;
  const details = { caller, endpoint, model: settings.model, attempts: 0 };
  return new ModelCallError("model_invalid_configuration", message, details, { cause: error });
}

async function createChatModel({ settings }: ModelRequest, env: Env, timeoutMs: number): Promise<BaseChatModel> {
  const { provider, name } = resolveModelSpec(settings.model);
  return provider.create({ name, settings, env, timeoutMs });
}

/** Keeps the most recently used models. One that could not be created is tried again. */
function memoizeModels(create: (request: ModelRequest) => Promise<BaseChatModel>): (request: ModelRequest) => Promise<BaseChatModel> {
  const models = new LRUCache<string, Promise<BaseChatModel>>({ max: maxCachedModels });
  return async (request) => {
    const key = JSON.stringify(request.settings);
    const cached = models.get(key) ?? create(request);
    models.set(key, cached);
    try {
      return await cached;
    } catch (error) {
      if (models.peek(key) === cached) models.delete(key);
      throw toConfigurationError(request, error);
    }
  };
}
