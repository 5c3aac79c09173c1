import { randomUUID } from "node:crypto";

import { Command as Resume, MemorySaver } from "@langchain/langgraph";
import pc from "picocolors";

import { environment } from "../environment.js";
import { settingsFingerprint } from "../generation/fingerprint.js";
import { seedName } from "../generation/seed-name.js";
import { createReviewInstructGraph } from "../graph/review-instruct.js";
import { createLogger } from "../logger.js";
import { createModelAccess } from "../models/access.js";
import type { ReviewEvent } from "../nodes/events.js";
import type { EndpointFlags } from "./endpoint-options.js";
import { eventLines } from "./event-lines.js";
import { Person } from "./person.js";
import { rehearsalNotice } from "./rehearsal.js";
import { type SettingsFlags, settingsFrom } from "./settings-options.js";
import { type TracingFlags, tracingFrom } from "./tracing-options.js";

export interface RunFlags extends SettingsFlags, EndpointFlags, TracingFlags {
  readonly input?: string;
  readonly system?: string;
  readonly humanReview?: boolean;
}

/** Runs the command, which `addRunCommand` describes. */
export async function runOne(instruction: string, flags: RunFlags): Promise<void> {
  const { settings } = await settingsFrom(flags);
  const logger = createLogger();
  const context = { ...settings, humanReview: flags.humanReview ?? settings.humanReview };
  rehearsalNotice(settings, logger);
  const tracing = await tracingFrom(flags, logger);
  const models = createModelAccess({
    env: environment,
    timeoutMs: flags.timeout * 1000,
    maxRetries: flags.maxRetries,
    onRetry: ({ role, reason, delayMs }) => logger.warn(`${role}: ${reason} Trying again in ${(delayMs / 1000).toFixed(1)} s.`),
  });
  const graph = createReviewInstructGraph({ models, checkpointer: new MemorySaver() });
  const id = randomUUID();
  const traced = tracing.configFor({ id, seedName: seedName({ instruction }), settings: context, fingerprint: settingsFingerprint(context) });
  const config = { ...traced, configurable: { thread_id: id }, context };
  let input: Parameters<typeof graph.stream>[0] = {
    instruction,
    input: flags.input ?? null,
    system: flags.system ?? null,
  };
  const person = new Person();
  try {
    for (;;) {
      for await (const event of await graph.stream(input, { ...config, streamMode: "custom" })) show(event);
      const { tasks } = await graph.getState(config);
      const paused = tasks.flatMap((task) => task.interrupts).at(0);
      if (!paused) return;
      input = new Resume({ resume: await person.decide(paused.value) });
    }
  } finally {
    person.leave();
    await tracing.close();
  }
}

function show(event: ReviewEvent): void {
  process.stdout.write(`${eventLines(event, pc.createColors(process.stdout.isTTY === true && pc.isColorSupported))}\n`);
}
