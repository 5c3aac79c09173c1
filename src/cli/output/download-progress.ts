import type { Env } from "../../env.js";
import { InputError } from "../../errors.js";
import type { Logger } from "../../logger.js";
import { findHubReference, isHubFileCached, loadHubFile } from "../../models/gguf/hub-file.js";
import { ProviderConfigurationError } from "../../models/provider.js";
import type { ModelSettings } from "../../state/settings.js";

/** Share of a download after which the next line is logged. */
const step = 0.1;

/**
 * Fetches the files of a hub that models need before a command starts, and logs how far it is.
 *
 * @throws {InputError} If one cannot be fetched.
 */
export async function loadHubModels(models: readonly Pick<ModelSettings, "model">[], env: Env, logger: Logger, signal?: AbortSignal): Promise<void> {
  for (const model of new Set(models.map((settings) => settings.model))) {
    try {
      const reference = findHubReference(model);
      if (!reference || (await isHubFileCached(reference, env))) continue;
      logger.info(`Fetching ${model.slice("gguf:".length)} ...`);
      let logged = 0;
      await loadHubFile(reference, {
        env,
        signal,
        onProgress: (received, total) => {
          if (total === null || received / total < logged + step) return;
          logged = Math.floor(received / total / step) * step;
          logger.info(`  ${toMegabytes(received)} of ${toMegabytes(total)} MB (${Math.round(logged * 100)} %)`);
        },
      });
    } catch (error) {
      if (!(error instanceof ProviderConfigurationError)) throw error;
      throw new InputError(error.message, {}, { cause: error });
    }
  }
}

function toMegabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
