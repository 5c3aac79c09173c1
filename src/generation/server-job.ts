import type { Settings } from "../state/settings.js";
import type { OpenRunner } from "./job.js";
import type { OutputFolder } from "./output-folder.js";
import type { ServerConnection } from "./server-connection.js";
import { type ServerRunnerOptions, serverRunner } from "./server-runner.js";
import { type ServerSpending, type ServerSpendingOptions, openServerSpending } from "./server-spending.js";

export interface ServerJobOptions extends Omit<ServerSpendingOptions, "conversations">, Omit<ServerRunnerOptions, "settings"> {
  readonly connection: ServerConnection;
  readonly settings: Settings;
}

export interface ServerJob extends OpenRunner, Pick<ServerSpending, "spent"> {}

/** What a job needs to have its conversations made on a LangGraph server: `runJob(options, openServerJob({ connection, ... }))`. */
export function openServerJob(options: ServerJobOptions) {
  return async ({ conversations }: Pick<OutputFolder["names"], "conversations">): Promise<ServerJob> => {
    const runner = serverRunner(options);
    const { add, spent, assertWithinBudget } = await openServerSpending({ ...options, conversations });
    return {
      runner: {
        ...runner,
        async run(conversation, stop) {
          assertWithinBudget();
          const output = await runner.run(conversation, stop);
          if (output !== "drained") add(output.turns);
          return output;
        },
      },
      spent,
      close: () => options.connection.close(),
    };
  };
}
