import { randomUUID } from "node:crypto";

import { Command as Resume, MemorySaver } from "@langchain/langgraph";
import pc from "picocolors";

import { env } from "../../env.js";
import { computeSettingsFingerprint } from "../../generation/fingerprint.js";
import { getSeedTitle } from "../../dataset/seeds/seed-title.js";
import { createReviewInstructGraph } from "../../graph/review-instruct.js";
import { createLogger } from "../../logger.js";
import { describeAdaptation } from "../../model-calls/adaptation/describe-adaptation.js";
import { formatCaller } from "../../model-calls/model-call.js";
import { createModelCaller } from "../../models/create-model-caller.js";
import type { ConversationEvent } from "../../nodes/events.js";
import { getRoleModels, resolveSettings } from "../../state/resolve-settings.js";
import type { EndpointFlags } from "../options/endpoint-options.js";
import { formatEvent } from "../output/format-event.js";
import { TerminalPrompt } from "../output/human-review-prompt.js";
import { loadHubModels } from "../output/download-progress.js";
import { logNetworkNotices } from "../output/network-notice.js";
import { logOfflineNotice } from "../output/offline-notice.js";
import { type SettingsFlags, resolveJobConfig } from "../options/settings-options.js";
import { type TracingFlags, openCommandTracing } from "../options/tracing-options.js";

export interface RunFlags extends SettingsFlags, EndpointFlags, TracingFlags {
  readonly input?: string;
  readonly system?: string;
  readonly humanReview?: boolean;
}

/** Runs the command `run`. */
export async function runCommand(instruction: string, flags: RunFlags): Promise<void> {
  const { settings } = await resolveJobConfig(flags);
  const logger = createLogger();
  const context = { ...settings, humanReview: flags.humanReview ?? settings.humanReview };
  logOfflineNotice(settings, logger);
  logNetworkNotices(getRoleModels(resolveSettings(settings)), env, logger);
  await loadHubModels(getRoleModels(resolveSettings(settings)), { env, logger, stream: process.stderr });
  const tracing = await openCommandTracing(flags, logger);
  const callModel = createModelCaller({
    env,
    timeoutMs: flags.timeout * 1000,
    maxRetries: flags.maxRetries,
    onAdapt: (event) => logger.info(describeAdaptation(event)),
    onRetry: ({ caller, reason, delayMs }) => logger.warn(`${formatCaller(caller)}: ${reason} Trying again in ${(delayMs / 1000).toFixed(1)} s.`),
  });
  const graph = createReviewInstructGraph({ callModel, checkpointer: new MemorySaver() });
  const id = randomUUID();
  const traceConfig = tracing.getRunConfig({
    id,
    seedTitle: getSeedTitle({ instruction }),
    settings: context,
    fingerprint: computeSettingsFingerprint(context),
  });
  const config = { ...traceConfig, configurable: { thread_id: id }, context };
  let input: Parameters<typeof graph.stream>[0] = {
    instruction,
    input: flags.input ?? null,
    system: flags.system ?? null,
  };
  const prompt = new TerminalPrompt();
  try {
    for (;;) {
      for await (const event of await graph.stream(input, { ...config, streamMode: "custom" })) writeEvent(event);
      const { tasks } = await graph.getState(config);
      const interrupted = tasks.flatMap((task) => task.interrupts).at(0);
      if (!interrupted) return;
      input = new Resume({ resume: await prompt.decide(interrupted.value) });
    }
  } finally {
    prompt.close();
    await tracing.close();
  }
}

function writeEvent(event: ConversationEvent): void {
  process.stdout.write(`${formatEvent(event, pc.createColors(process.stdout.isTTY === true && pc.isColorSupported))}\n`);
}
