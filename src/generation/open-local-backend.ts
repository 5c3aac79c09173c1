import { isSqliteUsable, openCheckpointer } from "../checkpoints/open-checkpointer.js";
import { getSeedTitle } from "../dataset/seeds/seed-title.js";
import { createReviewInstructGraph } from "../graph/review-instruct.js";
import type { OutputPaths } from "../jobs/output-paths.js";
import { type OpenModelsOptions, openModels } from "../models/open-models.js";
import { getRoleModels, resolveSettings } from "../state/resolve-settings.js";
import type { Settings } from "../state/settings.js";
import type { Tracing } from "../tracing/open-tracing.js";
import type { ConversationBackend } from "./conversation-runner.js";
import { computeSettingsFingerprint } from "./fingerprint.js";
import { createLocalRunner } from "./local-runner.js";

/** Options of {@link openLocalBackend}. */
export interface LocalBackendOptions extends Omit<OpenModelsOptions, "usageFile" | "modelNames"> {
  readonly settings: Settings;
  /** URI of the checkpoint store: `memory`, `sqlite:<file>` or `postgres://...`. Default: an SQLite file in the output folder. */
  readonly checkpoint?: string;
  /** Adds tracing to every run. Default: only the tracing that LangChain does by itself. */
  readonly tracing?: Pick<Tracing, "getRunConfig">;
}

/** Returns a function that opens models, checkpoints and graph in this process, for `runGenerateJob`. */
export function openLocalBackend(options: LocalBackendOptions): (paths: OutputPaths) => Promise<ConversationBackend> {
  const { settings, checkpoint, tracing } = options;
  return async (paths) => {
    const models = openModels({ ...options, modelNames: getModelNames(settings), usageFile: paths.getPath("usage", "jsonl") });
    try {
      const { saver, close } = await openCheckpointer(checkpoint ?? (await getDefaultStore(paths, options.onWarning)));
      const graph = createReviewInstructGraph({ callModel: models.callModel, checkpointer: saver });
      const fingerprint = computeSettingsFingerprint(settings);
      const runner = createLocalRunner({
        graph,
        saver,
        settings,
        stopWaiting: () => models.stopWaiting(),
        getRunConfig: ({ id, index, seed }) =>
          tracing?.getRunConfig({ id, seedTitle: getSeedTitle(seed), seedIndex: index, settings, fingerprint }) ?? {},
      });
      return {
        ...models,
        runner,
        close: async () => {
          try {
            await close();
          } finally {
            models.close();
          }
        },
      };
    } catch (error) {
      models.close();
      throw error;
    }
  };
}

async function getDefaultStore(paths: OutputPaths, onWarning: OpenModelsOptions["onWarning"]): Promise<string> {
  if (await isSqliteUsable()) return `sqlite:${paths.getPath("checkpoints", "sqlite")}`;
  onWarning?.(
    "the package @langchain/langgraph-checkpoint-sqlite does not work here, so conversations in progress are kept in memory: " +
      "after a kill they start again. Finished rows are safe. Install the package, or use --checkpoint postgres://...",
  );
  return "memory";
}

/** Returns the names of all models that the settings use, without duplicates. */
export function getModelNames(settings: Settings): string[] {
  return [...new Set(getRoleModels(resolveSettings(settings)).map(({ model }) => model))];
}
