import { Presets, SingleBar } from "cli-progress";

import type { Env } from "../../env.js";
import { InputError } from "../../errors.js";
import type { Logger } from "../../logger.js";
import { findHubReference, isHubFileCached, loadHubFile } from "../../models/gguf/hub-file.js";
import { loadLlamaModule } from "../../models/gguf/llama-module.js";
import { ProviderConfigurationError } from "../../models/provider.js";
import type { ModelSettings } from "../../state/settings.js";

/** Options of {@link loadHubModels}. */
export interface LoadHubModelsOptions {
  readonly env: Env;
  readonly logger: Logger;
  /** Draws a bar there if it is a terminal. Null: never. */
  readonly stream: (NodeJS.WritableStream & { readonly isTTY?: boolean }) | null;
  /** Throws where such models cannot run. Default: looks for the package that runs them. */
  readonly assertUsable?: () => Promise<unknown>;
}

/** Says how far a download is. */
interface DownloadView {
  readonly update: (received: number, total: number | null) => void;
  readonly stop: () => void;
}

/** Share of a download after which the next line is logged. */
const step = 0.1;

/**
 * Fetches the files of a hub that models need before a command starts, and shows how far it is.
 *
 * @throws {InputError} If one cannot be fetched.
 */
export async function loadHubModels(models: readonly Pick<ModelSettings, "model">[], options: LoadHubModelsOptions): Promise<void> {
  const { env, logger, stream, assertUsable = loadLlamaModule } = options;
  for (const model of new Set(models.map((settings) => settings.model))) {
    try {
      const reference = findHubReference(model);
      if (!reference || (await isHubFileCached(reference, env))) continue;
      // Before gigabytes are fetched for nothing.
      await assertUsable();
      logger.info(`Fetching ${model.slice("gguf:".length)} ...`);
      const view = stream?.isTTY ? createBarView(stream) : createLineView(logger);
      await loadHubFile(reference, { env, onProgress: view.update }).finally(view.stop);
    } catch (error) {
      if (!(error instanceof ProviderConfigurationError)) throw error;
      throw new InputError(error.message, {}, { cause: error });
    }
  }
}

function createBarView(stream: NodeJS.WritableStream): DownloadView {
  const format = "  {bar} {percentage} % | {received} of {size} MB | {eta_formatted} left";
  const bar = new SingleBar({ stream, format, barsize: 20, gracefulExit: false }, Presets.shades_classic);
  let isStarted = false;
  return {
    update: (received, total) => {
      if (total === null) return;
      const texts = { received: toMegabytes(received), size: toMegabytes(total) };
      if (isStarted) return bar.update(received, texts);
      isStarted = true;
      bar.start(total, received, texts);
    },
    stop: () => bar.stop(),
  };
}

function createLineView(logger: Logger): DownloadView {
  let logged = 0;
  return {
    update: (received, total) => {
      if (total === null || received / total < logged + step) return;
      logged = Math.floor(received / total / step) * step;
      logger.info(`  ${toMegabytes(received)} of ${toMegabytes(total)} MB (${Math.round(logged * 100)} %)`);
    },
    stop: () => {},
  };
}

function toMegabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
