import { type Command, Option } from "commander";

import { env } from "../../env.js";
import type { ServerConnection } from "../../generation/remote/connection.js";
import type { Logger } from "../../logger.js";
import type { BudgetFlags } from "./endpoint-options.js";

/** Flags of where conversations are generated, if not in this process. */
export interface ServerFlags {
  readonly server?: string;
  readonly assistant?: string;
}

/** Flags that cannot act on a server, which has settings of its own for them: see docs/deploy.md. */
const localOnlyFlags = ["checkpoint", "cache", "rpm", "tpm", "traceSample", "traceFlush", "traceFile"];

/** Adds the flags of {@link ServerFlags}. */
export function addServerOptions(command: Command): Command {
  return command
    .optionsGroup("LangGraph server:")
    .addOption(
      new Option(
        "--server <url>",
        "generate the conversations on this LangGraph server; its key comes from LANGGRAPH_API_KEY. --timeout is then how long a run may show no progress, --give-up-after how long the server may be away",
      ).conflicts(localOnlyFlags),
    )
    .option("--assistant <id>", "assistant on the server, whose settings apply unless a flag overrides them (default: review_instruct)");
}

/** Connects to the server of the flags. Returns null where this process does the work. */
export async function openServer({ server, assistant, giveUpAfter }: ServerFlags & BudgetFlags): Promise<ServerConnection | null> {
  if (server === undefined) return null;
  const { ServerConnection } = await import("../../generation/remote/connection.js");
  return ServerConnection.open({ url: server, assistant, env, maxOutageMs: giveUpAfter * 1000 });
}

/** Logs when the server stops answering, and when it is back. */
export function logServerOutages(connection: ServerConnection, logger: Logger): void {
  connection.onConnectionChange = ({ down, reason }) =>
    logger.warn(down ? `${connection.url} does not answer (${reason}); waiting for it` : `${connection.url} answers again`);
}
