import { MultiBar, Presets, type SingleBar } from "cli-progress";

import type { Progress } from "../generation/generate.js";

export interface ProgressView {
  /** Begins with the number of conversations of the job. */
  start(total: number): void;
  readonly update: (progress: Progress) => void;
  /** A line for people, above the bar where there is one. */
  readonly line: (text: string) => void;
  /** Something that may interest who watches: shown on a terminal, left out of a pipe. */
  readonly detail: (text: string) => void;
  stop(): void;
}

export interface ProgressViewOptions {
  readonly stream: NodeJS.WriteStream;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** Seconds between two lines where no bar can be drawn. */
const lineSeconds = 10;

/** A live bar on a terminal; in a pipe one line now and then; JSON lines for programs; nothing when quiet. */
export function createProgressView({ stream, json, quiet }: ProgressViewOptions): ProgressView {
  const write = (text: string) => void stream.write(`${text}\n`);
  const silent: ProgressView = { start: () => {}, update: () => {}, line: write, detail: () => {}, stop: () => {} };
  if (json) return jsonView(silent, write);
  if (quiet) return silent;
  return stream.isTTY ? barView(stream) : lineView(silent, write);
}

function jsonView(silent: ProgressView, write: (text: string) => void): ProgressView {
  let total = 0;
  return { ...silent, start: (count) => void (total = count), update: (progress) => write(JSON.stringify({ total, ...progress })) };
}

function lineView(silent: ProgressView, write: (text: string) => void): ProgressView {
  let total = 0;
  let last = Date.now();
  const show = (progress: Progress) => {
    if (Date.now() - last < lineSeconds * 1000) return;
    last = Date.now();
    write(`${progress.found + progress.finished} of ${total} conversations, ${progress.failed} failed, ${progress.active} under way`);
  };
  return { ...silent, start: (count) => void (total = count), update: show };
}

function barView(stream: NodeJS.WriteStream): ProgressView {
  const bars = new MultiBar(
    {
      stream,
      format: "{bar} {value}/{total} conversations | {turns} turns | {failed} failed | {active} under way | {eta_formatted} left",
      hideCursor: true,
      clearOnComplete: false,
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  let bar: SingleBar | null = null;
  const line = (text: string) => bars.log(`${text}\n`);
  return {
    start: (total) => void (bar = bars.create(total, 0, { turns: 0, failed: 0, active: 0 })),
    update: ({ found, finished, failed, turns, active }) => bar?.update(found + finished + failed, { turns, failed, active }),
    line: (text) => (bar ? line(text) : void stream.write(`${text}\n`)),
    detail: line,
    stop: () => {
      bars.stop();
      bar = null;
    },
  };
}
