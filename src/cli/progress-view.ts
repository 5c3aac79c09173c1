import { MultiBar, Presets, type SingleBar } from "cli-progress";

import type { Progress } from "../generation/generate.js";
import type { LaneStatus } from "../models/gate/gate.js";
import type { Spent } from "../models/budget/spent.js";
import { compact } from "./estimate-lines.js";

export interface ProgressView {
  /** Begins with the number of conversations of the job. */
  start(total: number): void;
  readonly update: (progress: Progress) => void;
  /** A whole line, above the bar where there is one. */
  readonly line: (text: string) => void;
  /** Something that may interest who watches: shown on a terminal, left out of a pipe. */
  readonly detail: (text: string) => void;
  stop(): void;
}

export interface ProgressViewOptions {
  readonly stream: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly json: boolean;
  readonly quiet: boolean;
  /** What the job has spent; null while nothing is known. */
  readonly spent: () => Spent | null;
  /** How endpoints stand. */
  readonly lanes: () => readonly LaneStatus[];
}

/** Seconds between two looks at what a bar shows. */
const barSeconds = 1;
/** Seconds between two lines where no bar can be drawn. */
const lineSeconds = 10;

/**
 * A live bar on a terminal; in a pipe one line now and then; JSON lines for programs; nothing when quiet. Calls, cost and
 * endpoints are looked at anew also while no conversation begins or ends.
 */
export function createProgressView(options: ProgressViewOptions): ProgressView {
  const { stream, json, quiet } = options;
  const write = (text: string) => void stream.write(`${text}\n`);
  const silent: ProgressView = { start: () => {}, update: () => {}, line: write, detail: () => {}, stop: () => {} };
  if (json) return jsonView(silent, write, options);
  if (quiet) return silent;
  return stream.isTTY ? barView(options) : lineView(silent, write, options);
}

function jsonView(silent: ProgressView, write: (text: string) => void, { spent, lanes }: ProgressViewOptions): ProgressView {
  const ticker = createTicker(lineSeconds, (progress, total) =>
    write(JSON.stringify({ type: "progress", total, ...progress, spent: spent(), lanes: lanes() })),
  );
  const update = (progress: Progress) => {
    ticker.see(progress);
    ticker.show();
  };
  return { ...silent, start: ticker.start, update, stop: ticker.stop };
}

function lineView(silent: ProgressView, write: (text: string) => void, options: ProgressViewOptions): ProgressView {
  const ticker = createTicker(lineSeconds, (progress, total) => {
    const { found, finished, failed, active } = progress;
    write(`${found + finished} of ${total} conversations, ${failed} failed, ${active} under way | ${costText(progress, total, options)}`);
  });
  return { ...silent, start: ticker.start, update: ticker.see, stop: ticker.stop };
}

function barView(options: ProgressViewOptions): ProgressView {
  const { stream } = options;
  const bars = new MultiBar(
    {
      stream,
      format: "{bar} {value}/{total} conversations | {turns} turns | {failed} failed | {cost} | {eta_formatted} left",
      barsize: 20,
      hideCursor: true,
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  let bar: SingleBar | null = null;
  const ticker = createTicker(barSeconds, (progress, total) => {
    const { turns, failed } = progress;
    bar?.update({ turns, failed, cost: costText(progress, total, options) });
  });
  const line = (text: string) => (bar ? bars.log(`${text}\n`) : void stream.write(`${text}\n`));
  return {
    start: (count) => {
      bar = bars.create(count, 0, { turns: 0, failed: 0, cost: "" });
      ticker.start(count);
    },
    update: (progress) => {
      ticker.see(progress);
      // Only here, since the time left follows from how the value moves.
      bar?.update(progress.found + progress.finished + progress.failed);
      ticker.show();
    },
    line,
    detail: line,
    stop: () => {
      ticker.stop();
      bars.stop();
      bar = null;
    },
  };
}

/** Shows the latest progress on demand and again every so many seconds, and keeps no process up. */
function createTicker(seconds: number, view: (progress: Progress, total: number) => void) {
  let latest: Progress | null = null;
  let total = 0;
  let timer: NodeJS.Timeout | undefined;
  const show = () => {
    if (latest) view(latest, total);
  };
  return {
    start: (count: number) => {
      total = count;
      timer = setInterval(show, seconds * 1000).unref();
    },
    see: (progress: Progress) => void (latest = progress),
    show,
    stop: () => clearInterval(timer),
  };
}

/** Spent so far, and what the whole job comes to at this rate. */
function costText({ found, finished }: Progress, total: number, { spent, lanes }: ProgressViewOptions): string {
  const so = spent();
  if (!so) return "";
  const tokens = so.inputTokens + so.outputTokens;
  const scale = found + finished > 0 ? total / (found + finished) : null;
  const projected = (amount: number, text: (amount: number) => string) => (scale === null ? "" : ` of about ${text(amount * scale)}`);
  const dollars = (amount: number) => `$${amount.toFixed(2)}`;
  const inFlight = lanes().reduce((sum, lane) => sum + lane.active, 0);
  const waiting = lanes()
    .filter((lane) => lane.state !== "running")
    .map((lane) => `${lane.endpoint} ${lane.state}`);
  return [
    `${compact(so.calls)} calls${inFlight > 0 ? `, ${inFlight} in flight` : ""}`,
    `${compact(tokens)}${projected(tokens, compact)} tokens`,
    ...(so.usd !== null && so.usd > 0 ? [`${dollars(so.usd)}${projected(so.usd, dollars)}`] : []),
    ...waiting,
  ].join(" | ");
}
