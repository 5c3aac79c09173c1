import { type Command, InvalidArgumentError } from "commander";

import { readRows } from "../../dataset/read-rows.js";
import { env } from "../../env.js";
import { createLogger } from "../../logger.js";
import { exitCodes } from "../exit-codes.js";
import { parsePositiveInteger } from "../options/numbers.js";

interface PushFlags {
  readonly dataset: string;
  readonly batchSize: number;
  readonly splits?: Record<string, number>;
}

/** Adds the command `push`. */
export function addPushCommand(program: Command, setExitCode: (code: number) => void): void {
  const push = program.command("push").description("Upload finished conversations to another service.");
  push
    .command("langsmith")
    .description("Upload an output folder's conversations as examples of a LangSmith dataset. Run it again to add what is missing.")
    .argument("<dir>", "the output folder of a job")
    .requiredOption("--dataset <name>", "name of the dataset; created if it does not exist")
    .option("--batch-size <rows>", "rows per upload", parsePositiveInteger, 100)
    .option("--splits <ratios>", "e.g. train=0.9,test=0.1; a conversation always gets the same split", parseSplits)
    .action(async (dir: string, { dataset, batchSize, splits }: PushFlags) => {
      const { pushDataset } = await import("../../tracing/push-dataset.js");
      const logger = createLogger();
      const result = await pushDataset({
        env,
        dataset,
        rows: await readRows(dir),
        batchSize,
        splits,
        onProgress: ({ read, uploaded, skipped }) => logger.info(`${read} rows read, ${uploaded} uploaded, ${skipped} already there`),
      });
      logger.info(`The dataset "${dataset}" has all ${result.read} conversations of ${dir}.`);
      setExitCode(exitCodes.ok);
    });
}

/** Parses ratios by name: `train=0.9,test=0.1`. */
function parseSplits(text: string): Record<string, number> {
  const entries = text.split(",").map((part): [string, number] => {
    const match = /^\s*([\w-]+)\s*=\s*([\d.]+)\s*$/.exec(part);
    if (!match) throw new InvalidArgumentError("It must be names with ratios, e.g. train=0.9,test=0.1.");
    return [match[1] ?? "", Number(match[2])];
  });
  return Object.fromEntries(entries);
}
