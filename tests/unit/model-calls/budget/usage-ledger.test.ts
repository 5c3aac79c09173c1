import { appendFile, copyFile, readFile, writeFile } from "node:fs/promises";

import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";

import { InputError, ReviewInstructError } from "../../../../src/errors.js";
import { openUsageLedger } from "../../../../src/model-calls/budget/usage-ledger-file.js";
import { type UsageLedger, createMemoryLedger, createUsageLedger } from "../../../../src/model-calls/budget/usage-ledger.js";
import { summarizeUsage } from "../../../../src/model-calls/budget/usage-summary.js";
import { createTemporaryFiles } from "../../../support/temporary-files.js";

const files = createTemporaryFiles();
let fileCount = 0;
const createFilePath = () => files.path(`folder-${++fileCount}/usage.jsonl`);

const maxUsage = { inputTokens: 1000, outputTokens: 200 };
const getTokens = ({ usage }: UsageLedger) => {
  const { inputTokens, outputTokens, uncountedTokens } = summarizeUsage(usage, {});
  return { inputTokens, outputTokens, uncountedTokens };
};
const reopen = (file: string) => {
  const ledger = openUsageLedger(file);
  ledger.close();
  return ledger;
};

afterEach(() => vi.useRealTimers());

describe("openUsageLedger", () => {
  it("adds up the usage of each model over several runs", () => {
    const file = createFilePath();
    for (let run = 0; run < 3; run++) {
      const ledger = openUsageLedger(file);
      ledger.reserve("openai:a", maxUsage, 0).commit({ inputTokens: 10, outputTokens: 5, cachedInputTokens: 4 });
      ledger.reserve("__proto__", maxUsage, 2).commit({ inputTokens: null, outputTokens: 7 });
      ledger.reserve("openai:a", maxUsage, 1).commitMax();
      ledger.reserve("openai:never-charged", maxUsage, 0).release();
      ledger.close();
    }
    expect([...reopen(file).usage]).toEqual([
      [
        "openai:a",
        {
          calls: 3,
          unmeteredCalls: 0,
          unconfirmedCalls: 3,
          inputTokens: 30,
          cachedInputTokens: 12,
          outputTokens: 15,
          uncountedInputTokens: 3000,
          uncountedOutputTokens: 600,
        },
      ],
      [
        "__proto__",
        {
          calls: 3,
          unmeteredCalls: 3,
          unconfirmedCalls: 0,
          inputTokens: 0,
          cachedInputTokens: 0,
          outputTokens: 21,
          uncountedInputTokens: 3000,
          uncountedOutputTokens: 0,
        },
      ],
    ]);
  });

  it("reads the recorded usage back, for any order of calls", () => {
    const call = fc.record({ model: fc.constantFrom("a", "b"), prereserved: fc.nat(3), tokens: fc.nat(2000), ending: fc.nat(3), at: fc.nat() });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 40, size: "max" }), (calls) => {
        let text = "";
        const ledger = createUsageLedger("", { append: (line) => (text += line), close: () => undefined });
        const endCalls: (() => void)[] = [];
        for (const { model, prereserved, tokens, ending, at } of calls) {
          const reservation = ledger.reserve(model, maxUsage, prereserved);
          endCalls.push(() => {
            if (ending === 0) reservation.release();
            else if (ending === 1) reservation.commitMax();
            else reservation.commit({ inputTokens: tokens, outputTokens: ending === 2 ? null : tokens });
          });
          if (at % 3 > 0) endCalls.splice(at % endCalls.length, 1)[0]?.();
        }
        endCalls.forEach((endCall) => endCall());
        ledger.close();
        const reopened = createUsageLedger(text, { append: () => undefined, close: () => undefined });
        expect(new Map(reopened.usage)).toEqual(new Map(ledger.usage));
        expect(text.split("\n").at(-2) ?? '"reserved":[]').toContain('"reserved":[]');
      }),
    );
  });

  it("charges calls in flight when a process was killed at their maximum, exactly once", async () => {
    const file = createFilePath();
    const ledger = openUsageLedger(file);
    ledger.reserve("openai:a", maxUsage, 0).commit({ inputTokens: 10, outputTokens: 5 });
    ledger.reserve("openai:a", maxUsage, 0);
    ledger.reserve("openai:b", maxUsage, 0);
    const abandonedFile = createFilePath();
    openUsageLedger(abandonedFile).close();
    await copyFile(file, abandonedFile);
    for (let run = 0; run < 3; run++) {
      expect(getTokens(reopen(abandonedFile))).toEqual({ inputTokens: 10, outputTokens: 5, uncountedTokens: 2 * 1200 });
    }
  });

  it("records reservations before calls are sent", async () => {
    const file = createFilePath();
    const ledger = openUsageLedger(file);
    const readLastLine = async () => {
      const lines = (await readFile(file, "utf8")).trim().split("\n");
      return { lines: lines.length, reserved: JSON.parse(lines.at(-1) ?? "").reserved };
    };
    const first = ledger.reserve("openai:a", maxUsage, 2);
    expect(await readLastLine()).toEqual({ lines: 1, reserved: [{ model: "openai:a", inputTokens: 3000, outputTokens: 600 }] });
    ledger.reserve("openai:a", maxUsage, 2);
    first.commit({ inputTokens: 10, outputTokens: 200 });
    ledger.reserve("openai:a", maxUsage, 2);
    expect(await readLastLine()).toMatchObject({ lines: 1 });
    ledger.reserve("openai:a", maxUsage, 0);
    expect(await readLastLine()).toEqual({ lines: 2, reserved: [{ model: "openai:a", inputTokens: 3000, outputTokens: 600 }] });
  });

  it("writes at once if an endpoint counts more than the maximum", async () => {
    const file = createFilePath();
    openUsageLedger(file).reserve("openai:a", maxUsage, 0).commit({ inputTokens: 99_000, outputTokens: 5 });
    expect(getTokens(reopen(file))).toMatchObject({ inputTokens: 99_000 });
  });

  it("writes settled calls within a second, with few lines", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const file = createFilePath();
    const ledger = openUsageLedger(file);
    for (let call = 0; call < 1000; call++) ledger.reserve("openai:a", maxUsage, 8).commit({ inputTokens: 200, outputTokens: 40 });
    vi.advanceTimersByTime(1000);
    const text = await readFile(file, "utf8");
    const recorded = text
      .trim()
      .split("\n")
      .flatMap((line) => JSON.parse(line).used)
      .reduce((sum: number, used: { inputTokens?: number }) => sum + (used.inputTokens ?? 0), 0);
    expect(recorded).toBe(200_000);
    expect(text.split("\n").length).toBeLessThan(40);
    vi.advanceTimersByTime(10_000);
    expect(await readFile(file, "utf8")).toBe(text);
  });

  it("ignores a last line that was cut off anywhere, and replaces it", async () => {
    const completeFile = createFilePath();
    const ledger = openUsageLedger(completeFile);
    ledger.reserve("openai:ä", maxUsage, 0).commit({ inputTokens: 10, outputTokens: 5 });
    ledger.close();
    const bytes = await readFile(completeFile);
    const secondLine = bytes.indexOf("\n") + 1;
    for (let length = secondLine; length < bytes.length; length++) {
      const file = await files.write(bytes.subarray(0, length));
      const reopened = openUsageLedger(file);
      expect(getTokens(reopened)).toEqual({ inputTokens: 0, outputTokens: 0, uncountedTokens: 1200 });
      reopened.reserve("openai:ä", maxUsage, 0).commit({ inputTokens: 1, outputTokens: 1 });
      reopened.close();
      expect(getTokens(reopen(file))).toEqual({ inputTokens: 1, outputTokens: 1, uncountedTokens: 1200 });
    }
  });

  it.each(["not json", "{}", '{"at":"2026-01-01T00:00:00.000Z","used":[{"model":"m","calls":-1}],"reserved":[]}', ""])(
    "throws an InputError with file and row for the damaged line %j",
    async (line) => {
      const file = createFilePath();
      reopen(file);
      await writeFile(file, `{"at":"2026-01-01T00:00:00.000Z","used":[],"reserved":[]}\n${line}\n`);
      expect(() => openUsageLedger(file)).toThrow(InputError);
      expect(() => openUsageLedger(file)).toThrow(`${file}, line 2`);
    },
  );

  it("names the file that cannot be opened", async () => {
    const notAFolder = await files.write("");
    expect(() => openUsageLedger(`${notAFolder}/usage.jsonl`)).toThrow(expect.objectContaining({ code: "usage_ledger_write_failed" }));
    expect(() => openUsageLedger(`${notAFolder}/usage.jsonl`)).toThrow(`cannot open the usage ledger ${notAFolder}/usage.jsonl`);
  });

  it("reads lines of a later version with more fields", async () => {
    const file = createFilePath();
    reopen(file);
    await appendFile(file, '{"at":"2026-01-01T00:00:00.000Z","used":[{"model":"m","calls":1,"inputTokens":3,"new":1}],"reserved":[],"new":{}}\n');
    expect(getTokens(reopen(file))).toEqual({ inputTokens: 3, outputTokens: 0, uncountedTokens: 0 });
  });
});

describe("createUsageLedger on a full disk", () => {
  it("throws for a call that it cannot reserve, and loses no usage", () => {
    let text = "";
    let isFull = false;
    const append = (line: string) => {
      if (isFull) throw new Error("ENOSPC: no space left on device");
      text += line;
    };
    const ledger = createUsageLedger("", { append, close: () => undefined }, "usage.jsonl");
    const first = ledger.reserve("openai:a", maxUsage, 0);
    isFull = true;
    expect(() => ledger.reserve("openai:a", maxUsage, 0)).toThrow(ReviewInstructError);
    expect(() => ledger.reserve("openai:a", maxUsage, 0)).toThrow(/cannot write to usage.jsonl: .*ENOSPC.* Free some space/);
    expect(ledger.inFlight.get("openai:a")).toEqual(maxUsage);
    first.commit({ inputTokens: 5000, outputTokens: 5 });
    expect(() => ledger.close()).toThrow(ReviewInstructError);
    isFull = false;
    ledger.close();
    expect(getTokens(createUsageLedger(text, { append, close: () => undefined }))).toEqual({
      inputTokens: 5000,
      outputTokens: 5,
      uncountedTokens: 0,
    });
  });
});

describe("createUsageLedger after a line that was written but not synced", () => {
  it("relies neither on that line nor on the one before, until a line succeeds", () => {
    const lines: string[] = [];
    let isFailing = false;
    const storage = {
      append: (line: string) => {
        lines.push(line);
        if (isFailing) throw new Error("EIO: i/o error, fdatasync");
      },
      close: () => undefined,
    };
    const ledger = createUsageLedger("", storage);
    // Reserves five calls.
    const first = ledger.reserve("openai:a", maxUsage, 4);
    isFailing = true;
    expect(() => ledger.reserve("openai:b", maxUsage, 0)).toThrow(ReviewInstructError);
    // The old line would cover this call. The new line, which may be on disk, might not.
    expect(() => ledger.reserve("openai:a", maxUsage, 0)).toThrow(ReviewInstructError);
    first.release();
    isFailing = false;
    ledger.reserve("openai:a", maxUsage, 0);
    expect(getTokens(createUsageLedger(lines.at(-1) ?? "", storage))).toMatchObject({ uncountedTokens: 1200 });
  });

  it("releases on close what the file may have reserved", () => {
    const lines: string[] = [];
    let failuresLeft = 0;
    const append = (line: string) => {
      lines.push(line);
      if (failuresLeft-- > 0) throw new Error("EIO: i/o error, fdatasync");
    };
    const ledger = createUsageLedger("", { append, close: () => undefined });
    const first = ledger.reserve("openai:a", maxUsage, 0);
    failuresLeft = 1;
    expect(() => ledger.reserve("openai:b", maxUsage, 0)).toThrow(ReviewInstructError);
    first.release();
    ledger.close();
    expect(lines.at(-1)).toContain('"reserved":[]');
  });
});

describe("createMemoryLedger", () => {
  it("counts usage, and rejects calls once it is closed", () => {
    const ledger = createMemoryLedger();
    ledger.reserve("m", maxUsage, 8).commit({ inputTokens: 1, outputTokens: 2 });
    expect(getTokens(ledger)).toEqual({ inputTokens: 1, outputTokens: 2, uncountedTokens: 0 });
    ledger.close();
    ledger.close();
    expect(() => ledger.reserve("m", maxUsage, 0)).toThrow(RangeError);
  });
});
