import { expect, test } from "vitest";

import { TraceLedger } from "../../../src/tracing/ledger.js";

test("a trace that lacks several of its runs is counted once", () => {
  const ledger = new TraceLedger();
  ledger.add("a", false);
  ledger.add("b", false);
  ledger.settle(ledger.take(), false);
  ledger.add("a", true);
  ledger.settle(ledger.take(), false);
  ledger.add("b", true);
  ledger.settle(ledger.take(), true);
  expect(ledger.lostTraces).toBe(2);
});

test("a trace that fails in the batch under way and in what comes after it is counted once", () => {
  const ledger = new TraceLedger();
  ledger.add("a", false);
  const underWay = ledger.take();
  ledger.add("a", false);
  ledger.lose("a", true);
  ledger.settle(underWay, false);
  ledger.settle(ledger.take(), false);
  expect(ledger.lostTraces).toBe(1);
});

test("what arrives is not counted, and nothing waits after it was taken", () => {
  const ledger = new TraceLedger();
  expect(ledger.isWaiting).toBe(false);
  ledger.add("a", true);
  ledger.addRating();
  expect(ledger.isWaiting).toBe(true);
  const batch = ledger.take();
  expect(ledger.isWaiting).toBe(false);
  ledger.settle(batch, true);
  expect([ledger.lostTraces, ledger.lostRatings]).toEqual([0, 0]);
  ledger.addRating();
  ledger.settle(ledger.take(), false);
  expect([ledger.lostTraces, ledger.lostRatings]).toEqual([0, 1]);
});

test("it holds so much and no more, but one run of any size", () => {
  const ledger = new TraceLedger();
  expect(ledger.admit(1e9)).toBe(true);
  expect(ledger.admit(1)).toBe(false);
  ledger.lose("a", false);
  ledger.lose("a", true);
  expect(ledger.lostTraces).toBe(1);
  ledger.take();
  expect(ledger.admit(8e6)).toBe(true);
  expect(ledger.admit(8e6)).toBe(true);
  expect(ledger.admit(8e6)).toBe(false);
});
