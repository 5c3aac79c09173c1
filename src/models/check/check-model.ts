import type { ModelSettings } from "../../state/settings.js";
import { applyProviderDefaults } from "../provider-defaults.js";
import { describeEndpoint } from "../registry.js";
import type { Finding, ModelCheck } from "./finding.js";
import { checkChat, checkOutputLimit, checkSystemRole } from "./check-chat.js";
import { checkStructuredOutput } from "./check-structured-output.js";
import type { ProbeOptions } from "./probe.js";
import { readContextLength } from "./read-server-facts.js";

/** A model with the roles that call it. */
export interface ModelToCheck {
  readonly settings: ModelSettings;
  readonly roles: readonly string[];
}

/**
 * Finds out what an endpoint can do for the roles that call it: a call for each of their needs.
 *
 * If a plain question brings no answer, nothing else is tried.
 *
 * @throws {ModelCallError} `model_invalid_configuration` for settings with which no call can be sent.
 */
export async function checkModel({ settings: given, roles }: ModelToCheck, options: ProbeOptions): Promise<ModelCheck> {
  const settings = applyProviderDefaults(given, options.env);
  const endpoint = describeEndpoint(settings);
  const findings = settings.model === "offline" ? [offlineFinding] : await findCapabilities(settings, options);
  const adapted = Object.assign({}, ...findings.map((finding) => finding.settings ?? {}));
  return { model: settings.model, endpoint, roles, findings, settings: adapted };
}

const offlineFinding: Finding = { name: "chat", status: "ok", detail: "built in: example texts, no network" };

async function findCapabilities(settings: ModelSettings, options: ProbeOptions): Promise<Finding[]> {
  const chat = await checkChat(settings, options);
  if (!chat.settings) return [...chat.findings];
  const systemRole = await checkSystemRole(chat.settings, options);
  const adapted = { ...chat.settings, ...systemRole.settings };
  return [
    ...chat.findings,
    systemRole,
    await checkStructuredOutput(adapted, options),
    await checkOutputLimit(adapted, options),
    await readContextLength(adapted, options),
  ];
}
