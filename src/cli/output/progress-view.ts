import { MultiBar, Presets, type SingleBar } from "cli-progress";

import type { GenerateProgress } from "../../generation/generate-job.js";
import type { UsageSummary } from "../../model-calls/budget/usage-summary.js";
import type { EndpointStatus } from "../../model-calls/rate-limit/rate-limiter.js";
import { formatCompact } from "./format-estimate.js";

/** Shows the progress of a job, and lines of text without damaging it. */
export interface ProgressView {
  /** Starts with the number of conversations of the job. */
  start(total: number): void;
  readonly update: (progress: GenerateProgress) => void;
  /** Writes a whole line, above the bar if there is one. */
  readonly log: (text: string) => void;
  /** Writes a line on a terminal only. */
  readonly logVerbose: (text: string) => void;
  stop(): void;
}

/** Options of {@link createProgressView}. */
export interface ProgressViewOptions {
  readonly stream: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly json: boolean;
  readonly quiet: boolean;
  /** Returns what the job has used; null while nothing is known. */
  readonly getUsage: () => UsageSummary | null;
  /** Returns the state of every endpoint. */
  readonly getEndpoints: () => readonly EndpointStatus[];
}

/** Seconds between two updates of a bar. */
const barSeconds = 1;
/** Seconds between two lines where no bar can be drawn. */
const lineSeconds = 10;

/**
 * Creates a live bar on a terminal, a line now and then in a pipe, JSON lines for programs, and nothing when quiet.
 *
 * Calls, cost and endpoints are refreshed also while no conversation starts or ends.
 */
export function createProgressView(options: ProgressViewOptions): ProgressView {
  const { stream, json, quiet } = options;
  const write = (text: string) => void stream.write(`${text}\n`);
  const silent: ProgressView = { start: () => {}, update: () => {}, log: write, logVerbose: () => {}, stop: () => {} };
  if (json) return createJsonView(silent, write, options);
  if (quiet) return silent;
  return stream.isTTY ? createBarView(options) : createLineView(silent, write, options);
}

function createJsonView(silent: ProgressView, write: (text: string) => void, { getUsage, getEndpoints }: ProgressViewOptions): ProgressView {
  const timer = createRefreshTimer(lineSeconds, (progress, total) =>
    write(JSON.stringify({ type: "progress", total, ...progress, usage: getUsage(), endpoints: getEndpoints() })),
  );
  const update = (progress: GenerateProgress) => {
    timer.setProgress(progress);
    timer.render();
  };
  return { ...silent, start: timer.start, update, stop: timer.stop };
}

function createLineView(silent: ProgressView, write: (text: string) => void, options: ProgressViewOptions): ProgressView {
  const timer = createRefreshTimer(lineSeconds, (progress, total) => {
    const { resumed, finished, failed, active } = progress;
    write(`${resumed + finished} of ${total} conversations, ${failed} failed, ${active} in progress | ${formatUse(progress, total, options)}`);
  });
  return { ...silent, start: timer.start, update: timer.setProgress, stop: timer.stop };
}

function createBarView(options: ProgressViewOptions): ProgressView {
  const { stream } = options;
  const bars = new MultiBar(
    {
      stream,
      format: "{bar} {value}/{total} conversations | {turns} turns | {failed} failed | {use} | {eta_formatted} left",
      barsize: 20,
      hideCursor: true,
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  let bar: SingleBar | null = null;
  const timer = createRefreshTimer(barSeconds, (progress, total) => {
    const { turns, failed } = progress;
    bar?.update({ turns, failed, use: formatUse(progress, total, options) });
  });
  const log = (text: string) => (bar ? bars.log(`${text}\n`) : void stream.write(`${text}\n`));
  return {
    start: (count) => {
      bar = bars.create(count, 0, { turns: 0, failed: 0, use: "" });
      timer.start(count);
    },
    update: (progress) => {
      timer.setProgress(progress);
      // Only here, since the time left is computed from updates of the value.
      bar?.update(progress.resumed + progress.finished + progress.failed);
      timer.render();
    },
    log,
    logVerbose: log,
    stop: () => {
      timer.stop();
      bars.stop();
      bar = null;
    },
  };
}

/** Renders the latest progress on demand and periodically. Does not keep the process alive. */
function createRefreshTimer(seconds: number, renderProgress: (progress: GenerateProgress, total: number) => void) {
  let latest: GenerateProgress | null = null;
  let total = 0;
  let timer: NodeJS.Timeout | undefined;
  const render = () => {
    if (latest) renderProgress(latest, total);
  };
  return {
    start: (count: number) => {
      total = count;
      timer = setInterval(render, seconds * 1000).unref();
    },
    setProgress: (progress: GenerateProgress) => void (latest = progress),
    render,
    stop: () => clearInterval(timer),
  };
}

/** States of an endpoint in words; nothing is said of a normal one. */
const stateTexts: Record<EndpointStatus["state"], string | null> = {
  closed: null,
  "rate-limited": "asks to wait",
  open: "is down",
  "half-open": "is being tried",
  unavailable: "was given up",
};

/** Formats what was used so far, and what the whole job comes to at this rate. */
function formatUse({ resumed, finished }: GenerateProgress, total: number, { getUsage, getEndpoints }: ProgressViewOptions): string {
  const usage = getUsage();
  if (!usage) return "";
  const tokens = usage.inputTokens + usage.outputTokens;
  const scale = resumed + finished > 0 ? total / (resumed + finished) : null;
  const formatProjected = (amount: number, format: (amount: number) => string) => (scale === null ? "" : ` of about ${format(amount * scale)}`);
  const formatUsd = (amount: number) => `$${amount.toFixed(2)}`;
  const endpoints = getEndpoints();
  const inFlight = endpoints.reduce((sum, { active }) => sum + active, 0);
  const troubled = endpoints.flatMap(({ endpoint, state }) => (stateTexts[state] === null ? [] : [`${endpoint} ${stateTexts[state]}`]));
  return [
    `${formatCompact(usage.calls)} calls${inFlight > 0 ? `, ${inFlight} in flight` : ""}`,
    `${formatCompact(tokens)}${formatProjected(tokens, formatCompact)} tokens`,
    ...(usage.usd !== null && usage.usd > 0 ? [`${formatUsd(usage.usd)}${formatProjected(usage.usd, formatUsd)}`] : []),
    ...troubled,
  ].join(" | ");
}
