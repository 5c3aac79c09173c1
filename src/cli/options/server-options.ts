import { type Command, Option } from "commander";

import { env } from "../../env.js";
import type { ServerConnection } from "../../generation/remote/connection.js";
import type { Logger } from "../../logger.js";
import type { BudgetFlags } from "./endpoint-options.js";

/** Where conversations are made, if not in this process. */
export interface ServerFlags {
  readonly server?: string;
  readonly assistant?: string;
}

/** What happens at the server's own endpoints, and how it traces, is the server's business: see docs/deploy.md. */
const localOnly = ["checkpoint", "cache", "rpm", "tpm", "traceSample", "traceFlush", "traceFile"];

export function addServerOptions(command: Command): Command {
  return command
    .optionsGroup("LangGraph server:")
    .addOption(
      new Option(
        "--server <url>",
        "make the conversations on this LangGraph server; its key comes from LANGGRAPH_API_KEY. --timeout is then how long a run may show no progress, --give-up-after how long the server may be away",
      ).conflicts(localOnly),
    )
    .option("--assistant <id>", "assistant on the server, whose settings hold unless a flag says otherwise (default: review_instruct)");
}

/** The server of the flags; null where this process does the work. */
export async function openServer({ server, assistant, giveUpAfter }: ServerFlags & BudgetFlags): Promise<ServerConnection | null> {
  if (server === undefined) return null;
  const connections = await import("../../generation/remote/connection.js");
  return connections.ServerConnection.open({ url: server, assistant, env: env, maxOutageMs: giveUpAfter * 1000 });
}

export function logServerOutages(connection: ServerConnection, logger: Logger): void {
  connection.onConnectionChange = ({ down, reason }) =>
    logger.warn(down ? `${connection.url} does not answer (${reason}); waiting for it` : `${connection.url} answers again`);
}
