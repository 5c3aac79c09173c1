import type { BaseMessage } from "@langchain/core/messages";
import { LRUCache } from "lru-cache";

import { type DescribeEndpoint, type ModelMiddleware, type ModelRequest, describeBaseUrl } from "../model-call.js";

/** Options of {@link createPromptCutDetector}. */
export interface PromptCutDetectorOptions {
  readonly describeEndpoint?: DescribeEndpoint;
  /** Called once for each endpoint and model. */
  readonly onWarning?: (message: string) => void;
}

/** Maximum number of characters that a token stands for on average over a text, in scripts with letters and without. */
const maxCharactersPerToken = 8;
const maxIdeographsPerToken = 3;
/** Prompts below this minimum of tokens fit any context. */
const minPromptTokens = 100;
/** Bounds the memory of a server that accepts settings from its clients. */
const maxWarned = 1_000;
const ideographs = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/gu;

/**
 * Creates the middleware that notices an endpoint which cuts prompts silently: it reports fewer tokens than the text can have.
 *
 * Such a response has `promptCut: true`. Endpoints that count cached tokens apart look the same, so that the call does not fail.
 */
export function createPromptCutDetector({ describeEndpoint = describeBaseUrl, onWarning }: PromptCutDetectorOptions): ModelMiddleware {
  const warned = new LRUCache<string, true>({ max: maxWarned });
  return (next) => async (request, config) => {
    const response = await next(request, config);
    const { inputTokens } = response.usage;
    const minTokens = getMinTokens(request);
    // A count of 0 is none.
    if (!inputTokens || minTokens < minPromptTokens || inputTokens >= minTokens) return response;
    const endpoint = describeEndpoint(request.settings) ?? "this process";
    const key = `${endpoint} ${request.settings.model}`;
    if (!warned.has(key)) onWarning?.(formatWarning(request, endpoint, inputTokens, minTokens));
    warned.set(key, true);
    return { ...response, promptCut: true };
  };
}

function formatWarning({ settings, caller }: ModelRequest, endpoint: string, inputTokens: number, minTokens: number): string {
  return (
    `${settings.model} at ${endpoint} seems to cut prompts: it counted ${inputTokens} input tokens of a prompt that has at least ${minTokens} ` +
    `(${caller.group ?? caller.name}). Give the server a longer context (Ollama: num_ctx or OLLAMA_CONTEXT_LENGTH; llama.cpp: -c), ` +
    "or ignore this if it counts cached tokens apart. Rows count such calls in usage.cutPrompts"
  );
}

/** Returns the number of tokens that the texts of a prompt have at least, with any tokenizer in use. */
function getMinTokens({ messages }: ModelRequest): number {
  return Math.floor(messages.reduce((sum, message) => sum + getMinTextTokens(message), 0));
}

function getMinTextTokens({ text }: BaseMessage): number {
  // Tokenizers have tokens for long runs of spaces, dashes and the like.
  const short = text.replace(/([^\p{L}\p{N}])\1+/gu, "$1");
  const ideographCount = short.match(ideographs)?.length ?? 0;
  return ideographCount / maxIdeographsPerToken + (short.length - ideographCount) / maxCharactersPerToken;
}
