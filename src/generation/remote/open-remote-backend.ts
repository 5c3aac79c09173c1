import { toRowTurn } from "../../dataset/conversation-row.js";
import type { OutputPaths } from "../../jobs/output-paths.js";
import type { Settings } from "../../state/settings.js";
import type { ConversationBackend } from "../conversation-runner.js";
import type { ServerConnection } from "./connection.js";
import { type RemoteRunnerOptions, createRemoteRunner } from "./remote-runner.js";
import { type RemoteUsageOptions, openRemoteUsage } from "./usage.js";

/** Options of {@link openRemoteBackend}. */
export interface RemoteBackendOptions extends Omit<RemoteUsageOptions, "rows">, RemoteRunnerOptions {
  readonly connection: ServerConnection;
  readonly settings: Settings;
}

/** Returns a function that opens a backend on a LangGraph server, for `runGenerateJob`. */
export function openRemoteBackend(options: RemoteBackendOptions): (paths: OutputPaths) => Promise<ConversationBackend> {
  return async ({ rows }) => {
    const runner = createRemoteRunner(options);
    const { add, getUsage, assertWithinBudget } = await openRemoteUsage({ ...options, rows });
    return {
      runner: {
        ...runner,
        async run(task, stop) {
          assertWithinBudget();
          const output = await runner.run(task, stop);
          if (output !== "stopped") add(output.turns.map(toRowTurn));
          return output;
        },
      },
      getUsage,
      getEndpoints: () => [],
      getCacheStats: () => null,
      close: () => options.connection.close(),
    };
  };
}
