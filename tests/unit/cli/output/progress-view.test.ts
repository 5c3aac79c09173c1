import { PassThrough } from "node:stream";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { createProgressView } from "../../../../src/cli/output/progress-view.js";
import type { Progress } from "../../../../src/jobs/run-items.js";
import { summarizeUsage } from "../../../../src/model-calls/budget/usage-summary.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const progress: Progress = { finished: 0, resumed: 0, failed: 0, active: 3, earlyStop: 0, turns: 0, abstentions: {} };

/** A view of a job whose conversations take long, told of them once; what it says later comes of itself. */
function watching({ isTTY, json }: { isTTY: boolean; json: boolean }) {
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
  const said = (): string => String(stream.read() ?? "");
  return {
    view,
    said,
    async later(seconds: number) {
      said();
      calls += 7;
      await vi.advanceTimersByTimeAsync(seconds * 1000);
      return said();
    },
  };
}

describe("while no conversation begins or ends", () => {
  it.each([
    ["a bar", { isTTY: true, json: false }, 2],
    ["lines in a pipe", { isTTY: false, json: false }, 10],
    ["JSON lines", { isTTY: false, json: true }, 10],
  ])("%s tell what was called since, until they are stopped", async (_what, kind, seconds) => {
    const { view, said, later } = watching(kind);
    expect(await later(seconds)).toMatch(/\b7 calls|"calls":7\b/);
    expect(await later(seconds)).toMatch(/\b14 calls|"calls":14\b/);
    view.stop();
    said();
    expect(await later(seconds)).toBe("");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("a pipe gets no more than a line in ten seconds", async () => {
    const { view, later } = watching({ isTTY: false, json: false });
    expect((await later(35)).trim().split("\n")).toHaveLength(3);
    view.stop();
  });
});
