import { PassThrough } from "node:stream";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { createProgressView } from "../../../../src/cli/output/progress-view.js";
import type { GenerateProgress } from "../../../../src/generation/generate-job.js";
import { summarizeUsage } from "../../../../src/model-calls/budget/usage-summary.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const progress: GenerateProgress = { finished: 0, resumed: 0, failed: 0, active: 3, earlyStops: 0, turns: 0, abstentions: {} };

/** Starts a view whose progress is set once, so that everything it writes later comes from its timer. */
function startView({ isTTY, json }: { isTTY: boolean; json: boolean }) {
  const stream = Object.assign(new PassThrough({ encoding: "utf8" }), { isTTY });
  let calls = 0;
  const view = createProgressView({
    stream,
    json,
    quiet: false,
    getUsage: () => ({ ...summarizeUsage(new Map(), {}), calls }),
    getEndpoints: () => [],
  });
  view.start(3);
  view.update(progress);
  const readOutput = (): string => String(stream.read() ?? "");
  return {
    view,
    readOutput,
    async readAfter(seconds: number) {
      readOutput();
      calls += 7;
      await vi.advanceTimersByTimeAsync(seconds * 1000);
      return readOutput();
    },
  };
}

describe("a progress view", () => {
  it.each([
    ["a bar", { isTTY: true, json: false }, 2],
    ["lines in a pipe", { isTTY: false, json: false }, 10],
    ["JSON lines", { isTTY: false, json: true }, 10],
  ])("refreshes %s while no conversation starts or ends, until it is stopped", async (_what, kind, seconds) => {
    const { view, readOutput, readAfter } = startView(kind);
    expect(await readAfter(seconds)).toMatch(/\b7 calls|"calls":7\b/);
    expect(await readAfter(seconds)).toMatch(/\b14 calls|"calls":14\b/);
    view.stop();
    readOutput();
    expect(await readAfter(seconds)).toBe("");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("writes at most one line in ten seconds to a pipe", async () => {
    const { view, readAfter } = startView({ isTTY: false, json: false });
    expect((await readAfter(35)).trim().split("\n")).toHaveLength(3);
    view.stop();
  });
});
