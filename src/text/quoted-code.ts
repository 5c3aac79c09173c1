/** Maximum number of characters of code within a line, so that a stray backtick hides little. */
const maxInlineLength = 2_000;

/** Answers whether a place in a text is code or a quotation, where marks are spoken of and not used. */
export interface QuotedPlaces {
  readonly isQuoted: (index: number) => boolean;
  /** Where a code fence begins that a cut-off text does not close. Infinity without one. */
  readonly openFence: number;
}

/** Finds the code in a text: fences that are closed, and code within a line. */
export function findQuotedPlaces(text: string): QuotedPlaces {
  const runs = [...text.matchAll(/`+|^~{3,}/gm)].map((match) => ({ start: match.index, mark: match[0], startsLine: isLineStart(text, match.index) }));
  const ranges = findCodeRanges(text, runs);
  const openFence = runs.find((run) => isFence(run) && !isInRanges(ranges, run.start))?.start ?? Infinity;
  return { isQuoted: (index) => isAfterQuoteMark(text, index) || isInRanges(ranges, index), openFence };
}

/** Returns true after a quote mark that opens a quotation. One that closes it follows a letter or a full stop. */
function isAfterQuoteMark(text: string, index: number): boolean {
  const mark = text.charAt(index - 1);
  if ("`“‘«„「".includes(mark) && index > 0) return true;
  if (mark !== '"' && mark !== "'") return false;
  const isEscaped = text.charAt(index - 2) === "\\";
  const before = text.charAt(index - (isEscaped ? 3 : 2));
  return before === "" || /[\s([{=:,;—–-]/.test(before);
}

function findCodeRanges(text: string, runs: readonly MarkRun[]): (readonly [start: number, end: number])[] {
  const ranges: (readonly [number, number])[] = [];
  const fenceEnds = findNextRuns(runs);
  for (let index = 0; index < runs.length; index++) {
    const opening = runs[index];
    const closing = opening && runs[fenceEnds[index] ?? -1];
    if (!opening || !closing) continue;
    const inner = text.slice(opening.start, closing.start);
    if (!isFence(opening) && (inner.length > maxInlineLength || /\n\s*\n/.test(inner))) continue;
    ranges.push([opening.start, closing.start + closing.mark.length]);
    index = fenceEnds[index] ?? index;
  }
  return ranges;
}

interface MarkRun {
  readonly start: number;
  readonly mark: string;
  readonly startsLine: boolean;
}

function isFence({ mark, startsLine }: MarkRun): boolean {
  return startsLine && mark.length >= 3;
}

/** Lists for each run the index of the next one that closes it. */
function findNextRuns(runs: readonly MarkRun[]): (number | undefined)[] {
  const next = new Map<string, number>();
  const found: (number | undefined)[] = [];
  for (let index = runs.length - 1; index >= 0; index--) {
    const run = runs[index];
    if (!run) continue;
    const key = isFence(run) ? `fence ${run.mark.charAt(0)}` : run.mark;
    found[index] = next.get(key);
    next.set(key, index);
  }
  return found;
}

function isLineStart(text: string, index: number): boolean {
  return /(?:^|\n)[^\S\n]{0,20}$/.test(text.slice(Math.max(0, index - 21), index));
}

function isInRanges(ranges: readonly (readonly [number, number])[], index: number): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const [start = 0, end = 0] = ranges[middle] ?? [];
    if (index < start) high = middle - 1;
    else if (index >= end) low = middle + 1;
    else return true;
  }
  return false;
}
