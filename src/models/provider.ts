import type { BaseChatModel } from "@langchain/core/language_models/chat_models";

import type { Environment } from "../environment.js";
import { ModelCallError } from "../errors.js";
import type { ModelRequest } from "../nodes/model-access.js";
import type { ModelSettings } from "../state/settings.js";
import { endpointOf } from "./endpoint.js";
import { OfflineChatModel } from "./offline/model.js";
import { EndpointChatModel } from "./openai/chat-model.js";

export interface ProviderOptions {
  /** Where the API key is looked up. */
  readonly env: Environment;
  /** Milliseconds for one attempt; see {@link defaultTimeoutMs}. */
  readonly timeoutMs?: number;
  /** Who will use the model: named in errors. */
  readonly caller: Pick<ModelRequest, "role" | "reviewer">;
}

/** Ten minutes: a long answer from a busy server of one's own takes its time. */
export const defaultTimeoutMs = 600_000;

/** Local servers want a key to be there, whatever it is. */
const dummyKey = "none";

/**
 * The chat model that settings name: `offline`, or `openai:<name>` at OpenAI or at any server that speaks its protocol.
 * It makes one attempt a call. Throws `ModelCallError` `model_misconfigured` for an unknown provider, a base URL with
 * credentials in it, and a key that is missing (at OpenAI) or cannot be sent.
 */
export function createChatModel(settings: ModelSettings, options: ProviderOptions): BaseChatModel {
  if (settings.model === "offline") return new OfflineChatModel();
  const name = /^openai:(.+)$/s.exec(settings.model)?.[1]?.trim();
  if (!name) {
    throw misconfigured(
      settings,
      options,
      `"${settings.model}" is no known model. Known are "offline" and "openai:<name>", for OpenAI and every compatible server (set its base URL)`,
    );
  }
  const url = new URL(settings.baseUrl ?? endpointOf(settings));
  if (url.username !== "" || url.password !== "") {
    throw misconfigured(
      settings,
      options,
      `the base URL holds credentials. Put the key into the environment variable ${settings.apiKeyEnv} and take it out of the URL`,
    );
  }
  return new EndpointChatModel({
    model: name,
    baseUrl: endpointOf(settings),
    query: url.searchParams,
    key: readKey(settings, options),
    temperature: settings.temperature,
    maxTokens: settings.outputLimit,
    timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
  });
}

/** The value of the variable that settings name; undefined where it is not set or empty. */
export function keyOf(settings: Pick<ModelSettings, "apiKeyEnv">, env: Environment): string | undefined {
  const value = Object.hasOwn(env, settings.apiKeyEnv) ? env[settings.apiKeyEnv]?.trim() : undefined;
  return value === "" ? undefined : value;
}

function readKey(settings: ModelSettings, options: ProviderOptions): string {
  const key = keyOf(settings, options.env);
  if (key === undefined && settings.baseUrl === null) {
    throw misconfigured(
      settings,
      options,
      `the environment variable ${settings.apiKeyEnv} is not set. Put the API key into it, or name another variable, or set a base URL`,
    );
  }
  if (key !== undefined && !/^[\x21-\x7e]+$/.test(key)) {
    throw misconfigured(
      settings,
      options,
      `the environment variable ${settings.apiKeyEnv} holds blanks or characters that no API key has. Set it anew`,
    );
  }
  return key ?? dummyKey;
}

function misconfigured(settings: ModelSettings, { caller }: ProviderOptions, what: string): ModelCallError {
  const endpoint = endpointOf(settings);
  return new ModelCallError("model_misconfigured", `The ${nameOf(caller)} cannot call its model at ${endpoint}: ${what}.`, {
    role: caller.role,
    endpoint,
    model: settings.model,
    attempts: 0,
  });
}

/** A caller in words: `candidate`, `reviewer "depth"`. */
export function nameOf({ role, reviewer }: Pick<ModelRequest, "role" | "reviewer">): string {
  return reviewer === undefined ? role : `${role} "${reviewer}"`;
}
