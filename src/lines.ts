const lineFeed = 0x0a;

/**
 * Lines as bytes without their line feed; null for one longer than `most` bytes, which is not held. Not `node:readline`, which
 * in newer Node also breaks lines at U+2028 and U+2029 (both may stand in JSON strings), hides invalid UTF-8, and knows no
 * longest line.
 */
export async function* readLines(blocks: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer | null> {
  let pieces: Buffer[] = [];
  let size = 0;
  const add = (piece: Buffer) => {
    size += piece.length;
    if (size > maxBytes) pieces = [];
    else pieces.push(piece);
  };
  const take = () => {
    const line = size > maxBytes ? null : Buffer.concat(pieces);
    pieces = [];
    size = 0;
    return line;
  };
  for await (const block of blocks) {
    let from = 0;
    for (let end = block.indexOf(lineFeed); end !== -1; end = block.indexOf(lineFeed, from)) {
      add(block.subarray(from, end));
      yield take();
      from = end + 1;
    }
    add(block.subarray(from));
  }
  if (size > 0) yield take();
}

/** The lines of a UTF-8 text that is our own, so of any length; as {@link readLines}. */
export async function* readTextLines(blocks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  for await (const line of readLines(blocks, Infinity)) if (line !== null) yield line.toString();
}
