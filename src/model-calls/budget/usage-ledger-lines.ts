import { z } from "zod";

import { InputError } from "../../errors.js";

const count = z.int().min(0).default(0);

/** Numbers of input and output tokens. */
const Tokens = z.object({ inputTokens: count, outputTokens: count });
export type Tokens = Readonly<z.infer<typeof Tokens>>;

/** Usage of one model. */
const ModelUsage = z.object({
  /** Responses received. */
  calls: count,
  /** Responses among `calls` for which the endpoint did not report all tokens. */
  unmeteredCalls: count,
  /** Attempts without a response that may have been charged: timeouts, resets, aborts. */
  unconfirmedCalls: count,
  /** As endpoints counted, cached input included. */
  inputTokens: count,
  cachedInputTokens: count,
  outputTokens: count,
  /** Maximum usage of what was never counted: unmetered and unconfirmed calls, and reservations of a killed process. */
  uncountedInputTokens: count,
  uncountedOutputTokens: count,
});
export type ModelUsage = Readonly<z.infer<typeof ModelUsage>>;

/**
 * One line of the ledger. `used` was settled since the previous line. `reserved` is the maximum that may be charged beyond
 * everything recorded so far, and replaces the reservations of earlier lines.
 */
const Line = z.object({
  at: z.iso.datetime(),
  used: z.array(ModelUsage.extend({ model: z.string() })),
  reserved: z.array(Tokens.extend({ model: z.string() })),
});

export type UsageByModel = ReadonlyMap<string, ModelUsage>;
/** Reserved tokens by model. */
export type Reservations = ReadonlyMap<string, Tokens>;

export const zeroTokens: Tokens = { inputTokens: 0, outputTokens: 0 };

export function addTokens(a: Tokens, b: Tokens, sign: 1 | -1 = 1): Tokens {
  return { inputTokens: a.inputTokens + sign * b.inputTokens, outputTokens: a.outputTokens + sign * b.outputTokens };
}

/** Returns what counts against the limits: counted and uncounted tokens. */
export function getChargedTokens(usage: ModelUsage): Tokens {
  return { inputTokens: usage.inputTokens + usage.uncountedInputTokens, outputTokens: usage.outputTokens + usage.uncountedOutputTokens };
}

/** Adds to the usage of a model. */
export function addUsage(usageByModel: Map<string, ModelUsage>, model: string, added: Partial<ModelUsage>): void {
  const before = usageByModel.get(model) ?? ModelUsage.parse({});
  const sum = (name: keyof ModelUsage) => before[name] + (added[name] ?? 0);
  usageByModel.set(model, {
    calls: sum("calls"),
    unmeteredCalls: sum("unmeteredCalls"),
    unconfirmedCalls: sum("unconfirmedCalls"),
    inputTokens: sum("inputTokens"),
    cachedInputTokens: sum("cachedInputTokens"),
    outputTokens: sum("outputTokens"),
    uncountedInputTokens: sum("uncountedInputTokens"),
    uncountedOutputTokens: sum("uncountedOutputTokens"),
  });
}

/** Formats one line, with its newline. Leaves out zeros. */
export function formatLedgerLine(used: UsageByModel, reserved: Reservations): string {
  return `${JSON.stringify({ at: new Date().toISOString(), used: toEntries(used), reserved: toEntries(reserved) })}\n`;
}

function toEntries(countsByModel: ReadonlyMap<string, ModelUsage | Tokens>): object[] {
  return [...countsByModel].flatMap(([model, counts]) => {
    const nonZero = Object.entries(counts).filter(([, value]) => value !== 0);
    return nonZero.length === 0 ? [] : [{ model, ...Object.fromEntries(nonZero) }];
  });
}

/**
 * Adds up the lines of a ledger.
 *
 * Text after the last newline is ignored: it is a line that a kill cut off, so nothing relied on it.
 *
 * @throws {InputError} Naming file and row of any other line that cannot be read.
 */
export function parseLedgerLines(text: string, file: string): { usage: Map<string, ModelUsage>; reserved: Reservations } {
  const usage = new Map<string, ModelUsage>();
  let reserved: Reservations = new Map();
  for (const [index, lineText] of text.split("\n").slice(0, -1).entries()) {
    const line = parseLine(lineText, file, index + 1);
    for (const { model, ...used } of line.used) addUsage(usage, model, used);
    reserved = new Map(line.reserved.map(({ model, ...tokens }) => [model, tokens]));
  }
  return { usage, reserved };
}

function parseLine(line: string, file: string, row: number): z.infer<typeof Line> {
  try {
    return Line.parse(JSON.parse(line));
  } catch (cause) {
    throw new InputError(
      `${file}, line ${row}: not a line of a usage ledger. Restore the file, or move it away to start counting at zero`,
      { file, row },
      { cause },
    );
  }
}
