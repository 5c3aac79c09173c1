import { expect, test } from "vitest";

import { UploadTracker } from "../../../src/tracing/upload-tracker.js";

test("a trace that lacks several of its runs is counted once", () => {
  const tracker = new UploadTracker();
  tracker.addRun("a", false);
  tracker.addRun("b", false);
  tracker.completeBatch(tracker.takeBatch(), false);
  tracker.addRun("a", true);
  tracker.completeBatch(tracker.takeBatch(), false);
  tracker.addRun("b", true);
  tracker.completeBatch(tracker.takeBatch(), true);
  expect(tracker.lostTraces).toBe(2);
});

test("a trace that is lost in two consecutive batches is counted once", () => {
  const tracker = new UploadTracker();
  tracker.addRun("a", false);
  const currentBatch = tracker.takeBatch();
  tracker.addRun("a", false);
  tracker.markLost("a", true);
  tracker.completeBatch(currentBatch, false);
  tracker.completeBatch(tracker.takeBatch(), false);
  expect(tracker.lostTraces).toBe(1);
});

test("nothing waits after a batch was taken, and only a failed batch counts as lost", () => {
  const tracker = new UploadTracker();
  expect(tracker.isWaiting).toBe(false);
  tracker.addRun("a", true);
  tracker.addFeedback();
  expect(tracker.isWaiting).toBe(true);
  const batch = tracker.takeBatch();
  expect(tracker.isWaiting).toBe(false);
  tracker.completeBatch(batch, true);
  expect([tracker.lostTraces, tracker.lostFeedback]).toEqual([0, 0]);
  tracker.addFeedback();
  tracker.completeBatch(tracker.takeBatch(), false);
  expect([tracker.lostTraces, tracker.lostFeedback]).toEqual([0, 1]);
});

test("the next batch has a maximum size, but a single run of any size is accepted", () => {
  const tracker = new UploadTracker();
  expect(tracker.reserve(1e9)).toBe(true);
  expect(tracker.reserve(1)).toBe(false);
  tracker.markLost("a", false);
  tracker.markLost("a", true);
  expect(tracker.lostTraces).toBe(1);
  tracker.takeBatch();
  expect(tracker.reserve(8e6)).toBe(true);
  expect(tracker.reserve(8e6)).toBe(true);
  expect(tracker.reserve(8e6)).toBe(false);
});
