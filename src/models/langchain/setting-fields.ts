import type { Env } from "../../env.js";
import type { ModelSettings } from "../../state/settings.js";
import { ProviderConfigurationError } from "../provider.js";
import { resolveHeaders } from "../request-headers.js";

/** What is used of a LangChain package. */
interface PackageOfSettings {
  readonly id: string;
  readonly settingNames: SettingNames;
}

/** Optional settings that a package may take. */
type OptionalSetting = "topP" | "samplingSeed" | "stop" | "frequencyPenalty" | "presencePenalty" | "repetitionPenalty" | "headers" | "extraBody";

/** By which field of its constructor a package takes a setting. Absent: not at all. */
export type SettingNames = Readonly<Partial<Record<OptionalSetting, string>>>;

const optionalSettings: readonly OptionalSetting[] = [
  "topP",
  "samplingSeed",
  "stop",
  "frequencyPenalty",
  "presencePenalty",
  "repetitionPenalty",
  "headers",
  "extraBody",
];

/**
 * Returns the optional settings as fields of a package's chat model.
 *
 * @throws {ProviderConfigurationError} For a setting that the package would ignore.
 */
export function toSettingFields(settings: ModelSettings, { id, settingNames }: PackageOfSettings, env: Env): Record<string, unknown> {
  const given = optionalSettings.filter((name) => isGiven(settings[name]));
  const ignored = given.filter((name) => settingNames[name] === undefined);
  if (ignored.length > 0)
    throw new ProviderConfigurationError(`the provider "${id}" takes no ${ignored.map((name) => `\`${name}\``).join(", ")}. Remove the setting`);
  return Object.fromEntries(given.map((name) => [settingNames[name], name === "headers" ? resolveHeaders(settings, env) : settings[name]]));
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && (typeof value !== "object" || Object.keys(value).length > 0);
}
