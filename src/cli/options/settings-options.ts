import { type Command, Option } from "commander";
import { z } from "zod";

import { InputError } from "../../errors.js";
import { PriceTable } from "../../model-calls/budget/prices.js";
import { GenerationMode, ReviewerSettings, Settings, type SettingsInput } from "../../state/settings.js";
import { readConfig, readStructured } from "./config-file.js";
import { formatZodIssues, getFirstField } from "./format-zod-issues.js";
import { parsePositiveInteger } from "./numbers.js";
import { type SamplingFlags, addSamplingOptions, toTemperature } from "./sampling-options.js";

/** Flags of settings; each has the name of its setting. */
export interface SettingsFlags extends SamplingFlags {
  readonly config?: string;
  readonly panel?: string;
  readonly turns?: number;
  readonly mode?: string;
  readonly model?: string;
  readonly baseUrl?: string | string[];
  readonly apiKeyEnv?: string;
  readonly language?: string;
  readonly wordLimit?: number;
  readonly tieBreak?: string;
  readonly quorum?: number;
  readonly reviewFinalTurn?: boolean;
  readonly keepReasoning?: boolean;
}

/** Adds a flag for every setting that fits on a command line. All others go into `--config`. */
export function addSettingsOptions(command: Command): Command {
  const describe = (name: keyof typeof Settings.shape) => Settings.shape[name].meta()?.description ?? "";
  command
    .optionsGroup("Settings:")
    .option("--config <file>", "settings (and prices) from a YAML or JSON file; flags override it")
    .option("--panel <file>", "the panel from a YAML or JSON file: a list of reviewers {name, focus, model, temperature, ...}")
    .option("--turns <count>", `${describe("turns")} (default: 3)`, parsePositiveInteger)
    .addOption(new Option("--mode <mode>", `${describe("mode")} (default: multi_review)`).choices(GenerationMode.options))
    .option(
      "--model <spec>",
      "model of every role that sets none of its own: `offline`, `openai:<name>`, `<provider>:<name>` or `gguf:<file>` (default: offline)",
    )
    .option(
      "--base-url <url>",
      "endpoint of those roles, e.g. http://localhost:8000/v1; several, repeated or separated by commas, are replicas of one model",
      collectUrls,
    )
    .option("--api-key-env <name>", "environment variable that holds their API key (default: OPENAI_API_KEY)");
  return addSamplingOptions(command)
    .option("--language <language>", `${describe("language")} (default: same as the seed)`)
    .option("--word-limit <count>", `${describe("wordLimit")} (default: 300)`, parsePositiveInteger)
    .addOption(new Option("--tie-break <direction>", `${describe("tieBreak")} (default: depth)`).choices(["breadth", "depth"]))
    .option("--quorum <count>", `${describe("quorum")} (default: 2)`, parsePositiveInteger)
    .option("--review-final-turn", describe("reviewFinalTurn"))
    .option("--keep-reasoning", describe("keepReasoning"));
}

/** Settings and prices of a command. */
export interface JobConfig {
  readonly settings: Settings;
  readonly prices: PriceTable;
}

/**
 * Merges config file and flags to settings and prices. Flags override the file, which overrides `base`.
 *
 * @throws {InputError} Naming flag or file and field.
 */
export async function resolveJobConfig(flags: SettingsFlags, base: object = {}): Promise<JobConfig> {
  const { config, panel, ...given } = flags;
  const { prices = {}, ...fromFile } = config === undefined ? {} : await readConfig(config);
  const fromFlags = Object.fromEntries(Object.keys(Settings.shape).flatMap((name) => (name in given ? [[name, Reflect.get(given, name)]] : [])));
  const temperature = toTemperature(given);
  const reviewers = panel === undefined ? {} : { panel: await readPanel(panel) };
  const result = Settings.safeParse({ ...base, ...fromFile, ...fromFlags, ...temperature, ...reviewers } satisfies Partial<
    Record<keyof SettingsInput, unknown>
  >);
  if (!result.success)
    throw new InputError(`settings: ${formatZodIssues(result.error)}`, { file: config, field: getFirstField(result.error) }, { cause: result.error });
  const priceTable = PriceTable.safeParse(prices);
  if (!priceTable.success)
    throw new InputError(`prices: ${formatZodIssues(priceTable.error)}`, { file: config, field: "prices" }, { cause: priceTable.error });
  return { settings: result.data, prices: priceTable.data };
}

async function readPanel(file: string): Promise<ReviewerSettings[]> {
  const result = z
    .array(z.strictObject(ReviewerSettings.shape))
    .min(1)
    .safeParse(await readStructured(file));
  if (!result.success) {
    throw new InputError(`${file}: not a panel (a list of reviewers with name and focus): ${formatZodIssues(result.error)}`, {
      file,
      field: getFirstField(result.error),
    });
  }
  return result.data;
}

/** Collects the URLs of a flag that may be repeated: one stays a text, several become a list. */
function collectUrls(text: string, earlier: string | string[] = []): string | string[] {
  const urls = [earlier, text.split(",").map((url) => url.trim())].flat(2).filter((url) => url !== "");
  const [only = text] = urls;
  return urls.length > 1 ? urls : only;
}
