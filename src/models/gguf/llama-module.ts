import { type ImportModule, importProviderPackage } from "../import-installed-module.js";
import { ProviderConfigurationError } from "../provider.js";

/** One message of a history, as `node-llama-cpp` takes it. */
export type HistoryItem =
  { readonly type: "system" | "user"; readonly text: string } | { readonly type: "model"; readonly response: readonly string[] };

/** Options of one generation; a part of those of `node-llama-cpp`. */
export interface GenerateOptions {
  readonly signal: AbortSignal | undefined;
  readonly stopOnAbortSignal: boolean;
  readonly maxTokens: number;
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  readonly seed: number | undefined;
  readonly grammar: object | undefined;
  readonly customStopTriggers: readonly string[];
  readonly repeatPenalty: object;
  readonly dryRepeatPenalty: object;
  readonly onTextChunk: (text: string) => void;
}

/** What a generation brings. */
export interface Generation {
  readonly response: string;
  readonly metadata: { readonly stopReason: string };
}

export interface LlamaSequence {
  readonly tokenMeter: { getState(): object; diff(earlier: object): { readonly usedOutputTokens: number } };
}

export interface LlamaContext {
  /** Tokens of one sequence. */
  readonly contextSize: number;
  getSequence(): LlamaSequence;
}

export interface LlamaModel {
  readonly trainContextSize: number;
  tokenize(text: string): readonly unknown[];
  createContext(options: {
    readonly sequences: number;
    readonly contextSize: { readonly max: number };
    readonly threads: number;
    readonly batchSize?: number;
  }): Promise<LlamaContext>;
}

export interface Llama {
  /** Kind of graphics card in use. */
  readonly gpu: string | false;
  loadModel(options: { readonly modelPath: string }): Promise<LlamaModel>;
  createGrammarForJsonSchema(schema: Readonly<Record<string, unknown>>): Promise<object>;
}

export interface LlamaChat {
  generateResponse(history: readonly HistoryItem[], options: GenerateOptions): Promise<Generation>;
  dispose(options: { readonly disposeSequence: boolean }): void;
}

/** The part of `node-llama-cpp` that is used. It is no dependency, so its own types are not at hand. */
export interface LlamaModule {
  getLlama(options: { readonly build: "never"; readonly gpu: "auto"; readonly logLevel: string }): Promise<Llama>;
  readonly LlamaChat: new (options: { readonly contextSequence: LlamaSequence; readonly autoDisposeSequence: boolean }) => LlamaChat;
}

/** The package and the command that installs it. */
const packageName = "node-llama-cpp";
const installCommand = `npm install ${packageName}@3`;

/**
 * Imports `node-llama-cpp`, which users install themselves.
 *
 * @throws {ProviderConfigurationError} If it is missing or cannot be used, with the command that installs it.
 */
export async function loadLlamaModule(importModule?: ImportModule): Promise<LlamaModule> {
  const module = await importProviderPackage({ id: "gguf", packageName, installCommand }, importModule);
  if (isLlamaModule(module)) return module;
  throw new ProviderConfigurationError(`the package ${packageName} has no getLlama or LlamaChat. Install a version that has: ${installCommand}`);
}

function isLlamaModule(value: unknown): value is LlamaModule {
  if (typeof value !== "object" || value === null) return false;
  return typeof Reflect.get(value, "getLlama") === "function" && typeof Reflect.get(value, "LlamaChat") === "function";
}
