import { type Command, InvalidArgumentError, Option } from "commander";
import { z } from "zod";

import { InputError } from "../../errors.js";
import { PriceTable } from "../../model-calls/budget/prices.js";
import { GenerationMode, ReviewerSettings, Settings, type SettingsInput } from "../../state/settings.js";
import { readConfig, readStructured } from "./config-file.js";
import { formatZodIssues } from "../output/format-zod-issues.js";

/** What the settings flags of a command gave; each has the name of its setting. */
export interface SettingsFlags {
  readonly config?: string;
  readonly panel?: string;
  readonly turns?: number;
  readonly mode?: string;
  readonly model?: string;
  readonly baseUrl?: string;
  readonly apiKeyEnv?: string;
  readonly language?: string;
  readonly wordLimit?: number;
  readonly tieBreak?: string;
  readonly quorum?: number;
  readonly reviewFinalTurn?: boolean;
}

/** Adds a flag for every setting that fits on a command line; the rest goes into `--config`. */
export function addSettingsOptions(command: Command): Command {
  const described = (name: keyof typeof Settings.shape) => Settings.shape[name].meta()?.description ?? "";
  return command
    .optionsGroup("Settings:")
    .option("--config <file>", "settings (and prices) from a YAML or JSON file; flags win over it")
    .option("--panel <file>", "the panel from a YAML or JSON file: a list of reviewers {name, focus, model, temperature, ...}")
    .option("--turns <n>", `${described("turns")} (default: 3)`, positiveInteger)
    .addOption(new Option("--mode <mode>", `${described("mode")} (default: multi_review)`).choices(GenerationMode.options))
    .option("--model <spec>", "model of every role that sets none of its own: `offline` or `openai:<name>` (default: offline)")
    .option("--base-url <url>", "OpenAI-compatible endpoint of those roles, e.g. http://localhost:8000/v1")
    .option("--api-key-env <name>", "environment variable that holds their API key (default: OPENAI_API_KEY)")
    .option("--language <language>", `${described("language")} (default: same as the seed)`)
    .option("--word-limit <n>", `${described("wordLimit")} (default: 300)`, positiveInteger)
    .addOption(new Option("--tie-break <direction>", `${described("tieBreak")} (default: depth)`).choices(["breadth", "depth"]))
    .option("--quorum <n>", `${described("quorum")} (default: 2)`, positiveInteger)
    .option("--review-final-turn", described("reviewFinalTurn"));
}

/** What config file and flags come to. */
export interface JobConfig {
  readonly settings: Settings;
  readonly prices: PriceTable;
}

/**
 * Settings and prices out of config file and flags, which win over `base`. Throws `InputError` naming the flag, file and field.
 */
export async function resolveJobConfig(flags: SettingsFlags, base: object = {}): Promise<JobConfig> {
  const { config, panel, ...given } = flags;
  const { prices = {}, ...fromFile } = config === undefined ? {} : await readConfig(config);
  const fromFlags = Object.fromEntries(Object.keys(Settings.shape).flatMap((name) => (name in given ? [[name, Reflect.get(given, name)]] : [])));
  const reviewers = panel === undefined ? {} : { panel: await readPanel(panel) };
  const result = Settings.safeParse({ ...base, ...fromFile, ...fromFlags, ...reviewers } satisfies Partial<Record<keyof SettingsInput, unknown>>);
  if (!result.success)
    throw new InputError(`settings: ${formatZodIssues(result.error)}`, { file: config, field: formatPath(result.error) }, { cause: result.error });
  const priced = PriceTable.safeParse(prices);
  if (!priced.success) throw new InputError(`prices: ${formatZodIssues(priced.error)}`, { file: config, field: "prices" }, { cause: priced.error });
  return { settings: result.data, prices: priced.data };
}

async function readPanel(file: string): Promise<ReviewerSettings[]> {
  const result = z
    .array(z.strictObject(ReviewerSettings.shape))
    .min(1)
    .safeParse(await readStructured(file));
  if (!result.success) {
    throw new InputError(`${file}: not a panel (a list of reviewers with name and focus): ${formatZodIssues(result.error)}`, {
      file,
      field: formatPath(result.error),
    });
  }
  return result.data;
}

function formatPath(error: z.ZodError): string | undefined {
  return error.issues[0]?.path.join(".");
}

/** Parses a flag's whole number of 1 or more. */
export function positiveInteger(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new InvalidArgumentError("It must be a whole number, 1 or more.");
  return number;
}

/** Parses a flag's number above 0. */
export function positiveNumber(text: string): number {
  const number = Number(text);
  if (!Number.isFinite(number) || number <= 0) throw new InvalidArgumentError("It must be a number above 0.");
  return number;
}

/** Parses a flag's number of 0 or more. */
export function nonNegativeNumber(text: string): number {
  const number = Number(text);
  if (text.trim() === "" || !Number.isFinite(number) || number < 0) throw new InvalidArgumentError("It must be a number, 0 or more.");
  return number;
}
