const lineFeed = 0x0a;

/**
 * Splits chunks of bytes into lines without their line feed.
 *
 * Not `node:readline`: newer Node versions also break lines at U+2028 and U+2029, which JSON strings may contain, and it hides
 * invalid UTF-8 and has no maximum length.
 *
 * @returns Yields null for a line longer than `maxBytes`, which is not kept in memory.
 */
export async function* readLines(chunks: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer | null> {
  let parts: Buffer[] = [];
  let size = 0;
  const addPart = (part: Buffer) => {
    size += part.length;
    if (size > maxBytes) parts = [];
    else parts.push(part);
  };
  const takeLine = () => {
    const line = size > maxBytes ? null : Buffer.concat(parts);
    parts = [];
    size = 0;
    return line;
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
      addPart(chunk.subarray(start, end));
      yield takeLine();
      start = end + 1;
    }
    addPart(chunk.subarray(start));
  }
  if (size > 0) yield takeLine();
}

/** Splits UTF-8 text into lines of any length, for files that this program wrote. See {@link readLines}. */
export async function* readTextLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  for await (const line of readLines(chunks, Infinity)) if (line !== null) yield line.toString();
}
