import { appendFile, copyFile, readFile, writeFile } from "node:fs/promises";

import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";

import { InputError, ReviewInstructError } from "../../../../src/errors.js";
import { openUsageLedger } from "../../../../src/model-calls/budget/usage-ledger-file.js";
import { type UsageLedger, createUsageLedger, createMemoryLedger } from "../../../../src/model-calls/budget/usage-ledger.js";
import { summarizeUsage } from "../../../../src/model-calls/budget/usage-summary.js";
import { temporaryFiles } from "../../../support/temporary-files.js";

const files = temporaryFiles();
let names = 0;
const newFile = () => files.path(`folder-${++names}/usage.jsonl`);

const worst = { inputTokens: 1000, outputTokens: 200 };
const getTokens = ({ usage }: UsageLedger) => {
  const { inputTokens, outputTokens, uncountedTokens } = summarizeUsage(usage, {});
  return { inputTokens, outputTokens, uncountedTokens };
};
const reopened = (file: string) => {
  const ledger = openUsageLedger(file);
  ledger.close();
  return ledger;
};

afterEach(() => vi.useRealTimers());

describe("openUsageLedger", () => {
  it("remembers what was spent, model by model, over any number of runs", () => {
    const file = newFile();
    for (let run = 0; run < 3; run++) {
      const ledger = openUsageLedger(file);
      ledger.reserve("openai:a", worst, 0).commit({ inputTokens: 10, outputTokens: 5, cachedInputTokens: 4 });
      ledger.reserve("__proto__", worst, 2).commit({ inputTokens: null, outputTokens: 7 });
      ledger.reserve("openai:a", worst, 1).commitMax();
      ledger.reserve("openai:never-charged", worst, 0).release();
      ledger.close();
    }
    expect([...reopened(file).usage]).toEqual([
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

  it("reads back exactly what it was told, whatever the order", () => {
    const call = fc.record({ model: fc.constantFrom("a", "b"), ahead: fc.nat(3), tokens: fc.nat(2000), how: fc.nat(3), at: fc.nat() });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 40, size: "max" }), (calls) => {
        let text = "";
        const ledger = createUsageLedger("", { append: (line) => (text += line), close: () => undefined });
        const open: (() => void)[] = [];
        for (const { model, ahead, tokens, how, at } of calls) {
          const begun = ledger.reserve(model, worst, ahead);
          open.push(() => {
            if (how === 0) begun.release();
            else if (how === 1) begun.commitMax();
            else begun.commit({ inputTokens: tokens, outputTokens: how === 2 ? null : tokens });
          });
          if (at % 3 > 0) open.splice(at % open.length, 1)[0]?.();
        }
        open.forEach((settle) => settle());
        ledger.close();
        const again = createUsageLedger(text, { append: () => undefined, close: () => undefined });
        expect(new Map(again.usage)).toEqual(new Map(ledger.usage));
        expect(text.split("\n").at(-2) ?? '"held":[]').toContain('"held":[]');
      }),
    );
  });

  it("takes calls that were in flight when a process was killed as spent at their worst, once", async () => {
    const file = newFile();
    const killed = openUsageLedger(file);
    killed.reserve("openai:a", worst, 0).commit({ inputTokens: 10, outputTokens: 5 });
    killed.reserve("openai:a", worst, 0);
    killed.reserve("openai:b", worst, 0);
    const left = newFile();
    openUsageLedger(left).close();
    await copyFile(file, left);
    for (let run = 0; run < 3; run++) {
      expect(getTokens(reopened(left))).toEqual({ inputTokens: 10, outputTokens: 5, uncountedTokens: 2 * 1200 });
    }
  });

  it("covers calls by what is held before they go out", async () => {
    const file = newFile();
    const ledger = openUsageLedger(file);
    const held = async () => {
      const lines = (await readFile(file, "utf8")).trim().split("\n");
      return { lines: lines.length, held: JSON.parse(lines.at(-1) ?? "").held };
    };
    const first = ledger.reserve("openai:a", worst, 2);
    expect(await held()).toEqual({ lines: 1, held: [{ model: "openai:a", inputTokens: 3000, outputTokens: 600 }] });
    ledger.reserve("openai:a", worst, 2);
    first.commit({ inputTokens: 10, outputTokens: 200 });
    ledger.reserve("openai:a", worst, 2);
    expect(await held()).toMatchObject({ lines: 1 });
    ledger.reserve("openai:a", worst, 0);
    expect(await held()).toEqual({ lines: 2, held: [{ model: "openai:a", inputTokens: 3000, outputTokens: 600 }] });
  });

  it("writes at once when an endpoint counts more than the worst case", async () => {
    const file = newFile();
    openUsageLedger(file).reserve("openai:a", worst, 0).commit({ inputTokens: 99_000, outputTokens: 5 });
    expect(getTokens(reopened(file))).toMatchObject({ inputTokens: 99_000 });
  });

  it("writes settled calls within a second, and few lines", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const file = newFile();
    const ledger = openUsageLedger(file);
    for (let call = 0; call < 1000; call++) ledger.reserve("openai:a", worst, 8).commit({ inputTokens: 200, outputTokens: 40 });
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

  it("passes over a last line that was cut off anywhere, and goes on behind the line before it", async () => {
    const whole = newFile();
    const ledger = openUsageLedger(whole);
    ledger.reserve("openai:ä", worst, 0).commit({ inputTokens: 10, outputTokens: 5 });
    ledger.close();
    const bytes = await readFile(whole);
    const secondLine = bytes.indexOf("\n") + 1;
    for (let length = secondLine; length < bytes.length; length++) {
      const file = await files.write(bytes.subarray(0, length));
      const cut = openUsageLedger(file);
      expect(getTokens(cut)).toEqual({ inputTokens: 0, outputTokens: 0, uncountedTokens: 1200 });
      cut.reserve("openai:ä", worst, 0).commit({ inputTokens: 1, outputTokens: 1 });
      cut.close();
      expect(getTokens(reopened(file))).toEqual({ inputTokens: 1, outputTokens: 1, uncountedTokens: 1200 });
    }
  });

  it.each(["not json", "{}", '{"at":"2026-01-01T00:00:00.000Z","used":[{"model":"m","calls":-1}],"held":[]}', ""])(
    "names file and row of a damaged line: %j",
    async (line) => {
      const file = newFile();
      reopened(file);
      await writeFile(file, `{"at":"2026-01-01T00:00:00.000Z","used":[],"held":[]}\n${line}\n`);
      expect(() => openUsageLedger(file)).toThrow(InputError);
      expect(() => openUsageLedger(file)).toThrow(`${file}, line 2`);
    },
  );

  it("says which file cannot be opened", async () => {
    const inTheWay = await files.write("");
    expect(() => openUsageLedger(`${inTheWay}/usage.jsonl`)).toThrow(expect.objectContaining({ code: "usage_ledger_write_failed" }));
    expect(() => openUsageLedger(`${inTheWay}/usage.jsonl`)).toThrow(`cannot open the usage ledger ${inTheWay}/usage.jsonl`);
  });

  it("reads lines of a later version that know more", async () => {
    const file = newFile();
    reopened(file);
    await appendFile(file, '{"at":"2026-01-01T00:00:00.000Z","used":[{"model":"m","calls":1,"inputTokens":3,"new":1}],"held":[],"new":{}}\n');
    expect(getTokens(reopened(file))).toEqual({ inputTokens: 3, outputTokens: 0, uncountedTokens: 0 });
  });
});

describe("a ledger whose disk is full", () => {
  it("lets no call go out that it cannot cover, and forgets nothing", () => {
    let text = "";
    let full = false;
    const append = (line: string) => {
      if (full) throw new Error("ENOSPC: no space left on device");
      text += line;
    };
    const ledger = createUsageLedger("", { append, close: () => undefined }, "usage.jsonl");
    const first = ledger.reserve("openai:a", worst, 0);
    full = true;
    expect(() => ledger.reserve("openai:a", worst, 0)).toThrow(ReviewInstructError);
    expect(() => ledger.reserve("openai:a", worst, 0)).toThrow(/cannot write to usage.jsonl: .*ENOSPC.* Free some space/);
    expect(ledger.inFlight.get("openai:a")).toEqual(worst);
    first.commit({ inputTokens: 5000, outputTokens: 5 });
    expect(() => ledger.close()).toThrow(ReviewInstructError);
    full = false;
    ledger.close();
    expect(getTokens(createUsageLedger(text, { append, close: () => undefined }))).toEqual({
      inputTokens: 5000,
      outputTokens: 5,
      uncountedTokens: 0,
    });
  });
});

describe("a ledger whose line was written, but could not be synced", () => {
  it("relies neither on that line nor on the one before, until one succeeds", () => {
    const lines: string[] = [];
    let failing = false;
    const storage = {
      append: (line: string) => {
        lines.push(line);
        if (failing) throw new Error("EIO: i/o error, fdatasync");
      },
      close: () => undefined,
    };
    const ledger = createUsageLedger("", storage);
    // Holds five worst cases.
    const first = ledger.reserve("openai:a", worst, 4);
    failing = true;
    expect(() => ledger.reserve("openai:b", worst, 0)).toThrow(ReviewInstructError);
    // The old line would cover this one; the new line, should it be what a kill leaves, might not.
    expect(() => ledger.reserve("openai:a", worst, 0)).toThrow(ReviewInstructError);
    first.release();
    failing = false;
    ledger.reserve("openai:a", worst, 0);
    expect(getTokens(createUsageLedger(lines.at(-1) ?? "", storage))).toMatchObject({ uncountedTokens: 1200 });
  });

  it("still gives back on closing what the file may hold", () => {
    const lines: string[] = [];
    let failures = 0;
    const append = (line: string) => {
      lines.push(line);
      if (failures-- > 0) throw new Error("EIO: i/o error, fdatasync");
    };
    const ledger = createUsageLedger("", { append, close: () => undefined });
    const first = ledger.reserve("openai:a", worst, 0);
    failures = 1;
    expect(() => ledger.reserve("openai:b", worst, 0)).toThrow(ReviewInstructError);
    first.release();
    ledger.close();
    expect(lines.at(-1)).toContain('"held":[]');
  });
});

describe("createMemoryLedger", () => {
  it("counts and forgets", () => {
    const ledger = createMemoryLedger();
    ledger.reserve("m", worst, 8).commit({ inputTokens: 1, outputTokens: 2 });
    expect(getTokens(ledger)).toEqual({ inputTokens: 1, outputTokens: 2, uncountedTokens: 0 });
    ledger.close();
    ledger.close();
    expect(() => ledger.reserve("m", worst, 0)).toThrow(RangeError);
  });
});
