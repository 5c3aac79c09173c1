import { appendFile, copyFile, readFile, writeFile } from "node:fs/promises";

import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";

import { InputError, ReviewInstructError } from "../../../../src/errors.js";
import { openLedger } from "../../../../src/models/budget/ledger-file.js";
import { type Ledger, createLedger, memoryLedger } from "../../../../src/models/budget/ledger.js";
import { spentOf } from "../../../../src/models/budget/spent.js";
import { temporaryFiles } from "../../../support/temporary-files.js";

const files = temporaryFiles();
let names = 0;
const newFile = () => files.path(`folder-${++names}/usage.jsonl`);

const worst = { inputTokens: 1000, outputTokens: 200 };
const tokensOf = ({ accounts }: Ledger) => {
  const { inputTokens, outputTokens, assumedTokens } = spentOf(accounts, {});
  return { inputTokens, outputTokens, assumedTokens };
};
const reopened = (file: string) => {
  const ledger = openLedger(file);
  ledger.close();
  return ledger;
};

afterEach(() => vi.useRealTimers());

describe("openLedger", () => {
  it("remembers what was spent, model by model, over any number of runs", () => {
    const file = newFile();
    for (let run = 0; run < 3; run++) {
      const ledger = openLedger(file);
      ledger.begin("openai:a", worst, 0).replied({ inputTokens: 10, outputTokens: 5, cachedInputTokens: 4 });
      ledger.begin("__proto__", worst, 2).replied({ inputTokens: null, outputTokens: 7 });
      ledger.begin("openai:a", worst, 1).uncertain();
      ledger.begin("openai:never-charged", worst, 0).released();
      ledger.close();
    }
    expect([...reopened(file).accounts]).toEqual([
      [
        "openai:a",
        {
          calls: 3,
          estimatedCalls: 0,
          uncertainCalls: 3,
          inputTokens: 30,
          cachedInputTokens: 12,
          outputTokens: 15,
          assumedInputTokens: 3000,
          assumedOutputTokens: 600,
        },
      ],
      [
        "__proto__",
        {
          calls: 3,
          estimatedCalls: 3,
          uncertainCalls: 0,
          inputTokens: 0,
          cachedInputTokens: 0,
          outputTokens: 21,
          assumedInputTokens: 3000,
          assumedOutputTokens: 0,
        },
      ],
    ]);
  });

  it("reads back exactly what it was told, whatever the order", () => {
    const call = fc.record({ model: fc.constantFrom("a", "b"), ahead: fc.nat(3), tokens: fc.nat(2000), how: fc.nat(3), at: fc.nat() });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 40, size: "max" }), (calls) => {
        let text = "";
        const ledger = createLedger("", { append: (line) => (text += line), close: () => undefined });
        const open: (() => void)[] = [];
        for (const { model, ahead, tokens, how, at } of calls) {
          const begun = ledger.begin(model, worst, ahead);
          open.push(() => {
            if (how === 0) begun.released();
            else if (how === 1) begun.uncertain();
            else begun.replied({ inputTokens: tokens, outputTokens: how === 2 ? null : tokens });
          });
          if (at % 3 > 0) open.splice(at % open.length, 1)[0]?.();
        }
        open.forEach((settle) => settle());
        ledger.close();
        const again = createLedger(text, { append: () => undefined, close: () => undefined });
        expect(new Map(again.accounts)).toEqual(new Map(ledger.accounts));
        expect(text.split("\n").at(-2) ?? '"held":[]').toContain('"held":[]');
      }),
    );
  });

  it("takes calls that were in flight when a process was killed as spent at their worst, once", async () => {
    const file = newFile();
    const killed = openLedger(file);
    killed.begin("openai:a", worst, 0).replied({ inputTokens: 10, outputTokens: 5 });
    killed.begin("openai:a", worst, 0);
    killed.begin("openai:b", worst, 0);
    const left = newFile();
    openLedger(left).close();
    await copyFile(file, left);
    for (let run = 0; run < 3; run++) {
      expect(tokensOf(reopened(left))).toEqual({ inputTokens: 10, outputTokens: 5, assumedTokens: 2 * 1200 });
    }
  });

  it("covers calls by what is held before they go out", async () => {
    const file = newFile();
    const ledger = openLedger(file);
    const held = async () => {
      const lines = (await readFile(file, "utf8")).trim().split("\n");
      return { lines: lines.length, held: JSON.parse(lines.at(-1) ?? "").held };
    };
    const first = ledger.begin("openai:a", worst, 2);
    expect(await held()).toEqual({ lines: 1, held: [{ model: "openai:a", inputTokens: 3000, outputTokens: 600 }] });
    ledger.begin("openai:a", worst, 2);
    first.replied({ inputTokens: 10, outputTokens: 200 });
    ledger.begin("openai:a", worst, 2);
    expect(await held()).toMatchObject({ lines: 1 });
    ledger.begin("openai:a", worst, 0);
    expect(await held()).toEqual({ lines: 2, held: [{ model: "openai:a", inputTokens: 3000, outputTokens: 600 }] });
  });

  it("writes at once when an endpoint counts more than the worst case", async () => {
    const file = newFile();
    openLedger(file).begin("openai:a", worst, 0).replied({ inputTokens: 99_000, outputTokens: 5 });
    expect(tokensOf(reopened(file))).toMatchObject({ inputTokens: 99_000 });
  });

  it("writes settled calls within a second, and few lines", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const file = newFile();
    const ledger = openLedger(file);
    for (let call = 0; call < 1000; call++) ledger.begin("openai:a", worst, 8).replied({ inputTokens: 200, outputTokens: 40 });
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
    const ledger = openLedger(whole);
    ledger.begin("openai:ä", worst, 0).replied({ inputTokens: 10, outputTokens: 5 });
    ledger.close();
    const bytes = await readFile(whole);
    const secondLine = bytes.indexOf("\n") + 1;
    for (let length = secondLine; length < bytes.length; length++) {
      const file = await files.write(bytes.subarray(0, length));
      const cut = openLedger(file);
      expect(tokensOf(cut)).toEqual({ inputTokens: 0, outputTokens: 0, assumedTokens: 1200 });
      cut.begin("openai:ä", worst, 0).replied({ inputTokens: 1, outputTokens: 1 });
      cut.close();
      expect(tokensOf(reopened(file))).toEqual({ inputTokens: 1, outputTokens: 1, assumedTokens: 1200 });
    }
  });

  it.each(["not json", "{}", '{"at":"2026-01-01T00:00:00.000Z","used":[{"model":"m","calls":-1}],"held":[]}', ""])(
    "names file and row of a damaged line: %j",
    async (line) => {
      const file = newFile();
      reopened(file);
      await writeFile(file, `{"at":"2026-01-01T00:00:00.000Z","used":[],"held":[]}\n${line}\n`);
      expect(() => openLedger(file)).toThrow(InputError);
      expect(() => openLedger(file)).toThrow(`${file}, line 2`);
    },
  );

  it("says which file cannot be opened", async () => {
    const inTheWay = await files.write("");
    expect(() => openLedger(`${inTheWay}/usage.jsonl`)).toThrow(expect.objectContaining({ code: "ledger_unwritable" }));
    expect(() => openLedger(`${inTheWay}/usage.jsonl`)).toThrow(`cannot open the usage ledger ${inTheWay}/usage.jsonl`);
  });

  it("reads lines of a later version that know more", async () => {
    const file = newFile();
    reopened(file);
    await appendFile(file, '{"at":"2026-01-01T00:00:00.000Z","used":[{"model":"m","calls":1,"inputTokens":3,"new":1}],"held":[],"new":{}}\n');
    expect(tokensOf(reopened(file))).toEqual({ inputTokens: 3, outputTokens: 0, assumedTokens: 0 });
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
    const ledger = createLedger("", { append, close: () => undefined }, "usage.jsonl");
    const first = ledger.begin("openai:a", worst, 0);
    full = true;
    expect(() => ledger.begin("openai:a", worst, 0)).toThrow(ReviewInstructError);
    expect(() => ledger.begin("openai:a", worst, 0)).toThrow(/cannot write to usage.jsonl: .*ENOSPC.* Free some space/);
    expect(ledger.inFlight.get("openai:a")).toEqual(worst);
    first.replied({ inputTokens: 5000, outputTokens: 5 });
    expect(() => ledger.close()).toThrow(ReviewInstructError);
    full = false;
    ledger.close();
    expect(tokensOf(createLedger(text, { append, close: () => undefined }))).toEqual({ inputTokens: 5000, outputTokens: 5, assumedTokens: 0 });
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
    const ledger = createLedger("", storage);
    // Holds five worst cases.
    const first = ledger.begin("openai:a", worst, 4);
    failing = true;
    expect(() => ledger.begin("openai:b", worst, 0)).toThrow(ReviewInstructError);
    // The old line would cover this one; the new line, should it be what a kill leaves, might not.
    expect(() => ledger.begin("openai:a", worst, 0)).toThrow(ReviewInstructError);
    first.released();
    failing = false;
    ledger.begin("openai:a", worst, 0);
    expect(tokensOf(createLedger(lines.at(-1) ?? "", storage))).toMatchObject({ assumedTokens: 1200 });
  });

  it("still gives back on closing what the file may hold", () => {
    const lines: string[] = [];
    let failures = 0;
    const append = (line: string) => {
      lines.push(line);
      if (failures-- > 0) throw new Error("EIO: i/o error, fdatasync");
    };
    const ledger = createLedger("", { append, close: () => undefined });
    const first = ledger.begin("openai:a", worst, 0);
    failures = 1;
    expect(() => ledger.begin("openai:b", worst, 0)).toThrow(ReviewInstructError);
    first.released();
    ledger.close();
    expect(lines.at(-1)).toContain('"held":[]');
  });
});

describe("memoryLedger", () => {
  it("counts and forgets", () => {
    const ledger = memoryLedger();
    ledger.begin("m", worst, 8).replied({ inputTokens: 1, outputTokens: 2 });
    expect(tokensOf(ledger)).toEqual({ inputTokens: 1, outputTokens: 2, assumedTokens: 0 });
    ledger.close();
    ledger.close();
    expect(() => ledger.begin("m", worst, 0)).toThrow(RangeError);
  });
});
