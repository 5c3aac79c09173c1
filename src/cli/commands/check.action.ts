import { env } from "../../env.js";
import { createLogger } from "../../logger.js";
import { type ModelToCheck, checkModel } from "../../models/check/check-model.js";
import type { ModelCheck } from "../../models/check/finding.js";
import { type ResolvedSettings, getRoleModels, resolveSettings } from "../../state/resolve-settings.js";
import { splitReplicas } from "../../state/model-settings.js";
import type { ModelSettings } from "../../state/settings.js";
import { exitCodes } from "../exit-codes.js";
import type { EndpointFlags } from "../options/endpoint-options.js";
import { type SettingsFlags, resolveJobConfig } from "../options/settings-options.js";
import { formatCheck } from "../output/format-check.js";
import { loadHubModels } from "../output/download-progress.js";
import { logNetworkNotices } from "../output/network-notice.js";

export interface CheckFlags extends SettingsFlags, EndpointFlags {
  readonly json?: boolean;
}

/** A check is to say soon what does not work. */
const maxCheckRetries = 2;

/** Runs the command `check` and returns its exit code. */
export async function checkCommand(flags: CheckFlags): Promise<number> {
  const settings = resolveSettings((await resolveJobConfig(flags)).settings);
  const logger = createLogger();
  logNetworkNotices(getRoleModels(settings), env, logger);
  await loadHubModels(getRoleModels(settings), { env, logger, stream: process.stderr });
  const options = { env, timeoutMs: flags.timeout * 1000, maxRetries: Math.min(flags.maxRetries, maxCheckRetries) };
  const checks: ModelCheck[] = [];
  for (const model of groupRoles(settings)) {
    const check = await checkModel(model, options);
    checks.push(check);
    if (!flags.json) process.stdout.write(`${checks.length > 1 ? "\n" : ""}${formatCheck(check).join("\n")}\n`);
  }
  if (flags.json) process.stdout.write(`${JSON.stringify({ models: checks }, null, 2)}\n`);
  const hasFaults = checks.some(({ findings }) => findings.some(({ status }) => status === "fault"));
  return hasFaults ? exitCodes.partialFailure : exitCodes.ok;
}

/** Groups roles by the settings of their calls, so that each model is checked once. */
function groupRoles({ candidate, chairman, panel }: ResolvedSettings): ModelToCheck[] {
  const groups = new Map<string, { readonly settings: ModelSettings; readonly roles: string[] }>();
  const add = (role: string, settings: ModelSettings) => {
    const key = JSON.stringify(settings);
    const group = groups.get(key) ?? { settings, roles: [] };
    group.roles.push(role);
    groups.set(key, group);
  };
  const addReplicas = (role: string, settings: ModelSettings) => splitReplicas(settings).forEach((replica) => add(role, replica));
  addReplicas("candidate", candidate);
  for (const { name, focus: _focus, ...settings } of panel) addReplicas(`reviewer ${name}`, settings);
  addReplicas("chairman", chairman);
  return [...groups.values()];
}
