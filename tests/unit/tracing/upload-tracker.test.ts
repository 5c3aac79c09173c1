import { expect, test } from "vitest";

import { UploadTracker } from "../../../src/tracing/upload-tracker.js";

test("a trace that lacks several of its runs is counted once", () => {
  const ledger = new UploadTracker();
  ledger.add("a", false);
  ledger.add("b", false);
  ledger.completeBatch(ledger.takeBatch(), false);
  ledger.add("a", true);
  ledger.completeBatch(ledger.takeBatch(), false);
  ledger.add("b", true);
  ledger.completeBatch(ledger.takeBatch(), true);
  expect(ledger.lostTraces).toBe(2);
});

test("a trace that fails in the batch under way and in what comes after it is counted once", () => {
  const ledger = new UploadTracker();
  ledger.add("a", false);
  const underWay = ledger.takeBatch();
  ledger.add("a", false);
  ledger.markLost("a", true);
  ledger.completeBatch(underWay, false);
  ledger.completeBatch(ledger.takeBatch(), false);
  expect(ledger.lostTraces).toBe(1);
});

test("what arrives is not counted, and nothing waits after it was taken", () => {
  const ledger = new UploadTracker();
  expect(ledger.isWaiting).toBe(false);
  ledger.add("a", true);
  ledger.addRating();
  expect(ledger.isWaiting).toBe(true);
  const batch = ledger.takeBatch();
  expect(ledger.isWaiting).toBe(false);
  ledger.completeBatch(batch, true);
  expect([ledger.lostTraces, ledger.lostRatings]).toEqual([0, 0]);
  ledger.addRating();
  ledger.completeBatch(ledger.takeBatch(), false);
  expect([ledger.lostTraces, ledger.lostRatings]).toEqual([0, 1]);
});

test("it holds so much and no more, but one run of any size", () => {
  const ledger = new UploadTracker();
  expect(ledger.reserve(1e9)).toBe(true);
  expect(ledger.reserve(1)).toBe(false);
  ledger.markLost("a", false);
  ledger.markLost("a", true);
  expect(ledger.lostTraces).toBe(1);
  ledger.takeBatch();
  expect(ledger.reserve(8e6)).toBe(true);
  expect(ledger.reserve(8e6)).toBe(true);
  expect(ledger.reserve(8e6)).toBe(false);
});
