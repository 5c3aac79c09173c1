import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";

import { getErrorMessage } from "../../errors.js";
import { ProviderConfigurationError } from "../provider.js";
import { type Llama, type LlamaContext, type LlamaModel, type LlamaModule, type LlamaSequence, loadLlamaModule } from "./llama-module.js";

/** Number of calls of a model at a time, on a graphics card. */
const maxActiveCalls = 4;
/**
 * Without a graphics card fewer run together, in small batches: each batch gives a generation one token, so that long prompts
 * of others would hold it up.
 */
const processorLimits = { sequences: 2, batchSize: 128 };
/** Context of one sequence, in tokens. A longer one costs memory that conversations of a few turns do not need. */
const maxContextSize = 8192;

/** A model in memory, with its sequences. */
export interface OpenModel {
  readonly llama: Llama;
  readonly module: LlamaModule;
  readonly model: LlamaModel;
  readonly contextSize: number;
  /** Number of calls that run at a time. */
  readonly sequenceCount: number;
  /** Runs work with a sequence that nothing else uses meanwhile. */
  withSequence<T>(run: (sequence: LlamaSequence) => Promise<T>): Promise<T>;
}

const openModels = new Map<string, Promise<OpenModel>>();

/**
 * Loads a GGUF file into this process, once for all roles that use it.
 *
 * @throws {ProviderConfigurationError} For a missing package, or a file that is missing or no model.
 */
export function openModel(path: string): Promise<OpenModel> {
  const open = openModels.get(path);
  if (open) return open;
  const opening = loadModel(path);
  openModels.set(path, opening);
  // A failed one is tried again.
  opening.catch(() => openModels.delete(path));
  return opening;
}

async function loadModel(path: string): Promise<OpenModel> {
  await assertFile(path);
  const module = await loadLlamaModule();
  try {
    // Never compiled: that takes a quarter of an hour, and fails without a compiler.
    const llama = await module.getLlama({ build: "never", gpu: "auto", logLevel: "error" });
    const model = await llama.loadModel({ modelPath: path });
    const { sequences, ...batch } = llama.gpu === false ? processorLimits : { sequences: maxActiveCalls };
    const context = await model.createContext({
      sequences,
      ...batch,
      contextSize: { max: Math.min(model.trainContextSize, maxContextSize) },
      threads: getThreadCount(),
    });
    return { llama, module, model, contextSize: context.contextSize, sequenceCount: sequences, withSequence: createSequencePool(context, sequences) };
  } catch (error) {
    throw new ProviderConfigurationError(`the model ${path} cannot be loaded (${getErrorMessage(error)}). Check that it is a complete GGUF file`, {
      cause: error,
    });
  }
}

/** Half of the cores: threads that spin for one another stand nearly still once something else wants a core. */
function getThreadCount(): number {
  return Math.max(1, Math.floor(availableParallelism() / 2));
}

async function assertFile(path: string): Promise<void> {
  const reason = await stat(path).then((file) => (file.isFile() ? null : "it is no file"), getErrorMessage);
  if (reason !== null) {
    throw new ProviderConfigurationError(
      `the file ${path} cannot be read (${reason}). Name a GGUF file, or one on a hub: gguf:hf:owner/repository/file.gguf`,
    );
  }
}

function createSequencePool(context: LlamaContext, sequenceCount: number): OpenModel["withSequence"] {
  const idle = Array.from({ length: sequenceCount }, () => context.getSequence());
  const waiting: ((sequence: LlamaSequence) => void)[] = [];
  return async (run) => {
    const sequence = idle.pop() ?? (await new Promise<LlamaSequence>((resolve) => waiting.push(resolve)));
    try {
      return await run(sequence);
    } finally {
      const next = waiting.shift();
      if (next) next(sequence);
      else idle.push(sequence);
    }
  };
}
