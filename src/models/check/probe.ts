import type { BaseMessage } from "@langchain/core/messages";

import type { Env } from "../../env.js";
import { ModelCallError } from "../../errors.js";
import { AttemptError } from "../../model-calls/attempt/attempt-error.js";
import { toAttemptError } from "../../model-calls/attempt/classify-error.js";
import { parseAiMessage } from "../../model-calls/attempt/parse-ai-message.js";
import { withTimeout } from "../../model-calls/attempt/with-timeout.js";
import { withRetry } from "../../model-calls/middleware/retry.js";
import { type ModelResponse, formatCaller } from "../../model-calls/model-call.js";
import { createErrorTextRedactor, getQuerySecrets } from "../../redaction.js";
import type { ModelSettings } from "../../state/settings.js";
import { getApiKey } from "../api-key.js";
import { ProviderConfigurationError } from "../provider.js";
import { describeEndpoint, getModelName, resolveModelSpec } from "../registry.js";

/** Options of {@link sendProbe}. */
export interface ProbeOptions {
  readonly env: Env;
  readonly timeoutMs: number;
  readonly maxRetries: number;
  readonly signal?: AbortSignal;
}

/** A call as it is sent, without anything that adapts it to the endpoint. */
export interface ProbeRequest {
  readonly settings: ModelSettings;
  readonly messages: readonly BaseMessage[];
  /** The field `response_format` of the request. */
  readonly responseFormat?: Record<string, unknown>;
}

/** A response with the time that it took. */
export interface ProbeResponse extends ModelResponse {
  readonly seconds: number;
}

const caller = { name: "check" };

/**
 * Sends one call to find out what an endpoint does with it. Nothing is learnt, adapted or left out.
 *
 * @throws {ModelCallError} With the endpoint's own words.
 */
export async function sendProbe(request: ProbeRequest, options: ProbeOptions): Promise<ProbeResponse> {
  const { settings, messages, responseFormat } = request;
  const model = await createModel(settings, options);
  const redact = createErrorTextRedactor([getApiKey(settings, options.env) ?? [], getQuerySecrets(settings.baseUrl)].flat());
  let startedAt = 0;
  const call = withRetry(
    async (_request, { signal }) => {
      try {
        const message = await withTimeout(options.timeoutMs, signal, (attemptSignal) => {
          startedAt = performance.now();
          const callOptions = { signal: attemptSignal, ...(responseFormat && { response_format: responseFormat }) };
          return model.invoke([...messages], callOptions);
        });
        return parseAiMessage(message, getModelName(settings.model));
      } catch (error) {
        signal?.throwIfAborted();
        throw toAttemptError(error, redact);
      }
    },
    { maxRetries: options.maxRetries, describeEndpoint },
  );
  const response = await call({ caller, settings, messages }, { signal: options.signal });
  return { ...response, seconds: (performance.now() - startedAt) / 1000 };
}

/** Returns what the endpoint said, without the sentences around it. */
export function getEndpointWords(error: ModelCallError): string {
  return error.cause instanceof AttemptError ? error.cause.message : error.message;
}

async function createModel(settings: ModelSettings, { env, timeoutMs }: ProbeOptions) {
  try {
    const { provider, name } = resolveModelSpec(settings.model);
    return await provider.create({ name, settings, env, timeoutMs });
  } catch (error) {
    if (!(error instanceof ProviderConfigurationError)) throw error;
    const endpoint = describeEndpoint(settings) ?? settings.model;
    const message = `The ${formatCaller(caller)} cannot call ${settings.model} at ${endpoint}: ${error.message}.`;
    throw new ModelCallError("model_invalid_configuration", message, { caller, endpoint, model: settings.model, attempts: 0 }, { cause: error });
  }
}
