import { type Readable, pipeline } from "node:stream";
import { text as toText } from "node:stream/consumers";
import { createBrotliDecompress, createUnzip } from "node:zlib";

/** Bytes with which gzip begins, whatever the headers say. */
const gzipStart = Buffer.from([0x1f, 0x8b]);

/** Reads the whole body of a response as text, compressed or not. */
export async function readText(body: Readable, headers: Headers): Promise<string> {
  const decoded = removeCompression(body, headers);
  if (decoded !== body) return toText(decoded);
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(Buffer.from(chunk));
  const bytes = Buffer.concat(chunks);
  if (!bytes.subarray(0, 2).equals(gzipStart)) return new TextDecoder().decode(bytes);
  const unzip = createUnzip();
  unzip.end(bytes);
  return toText(unzip);
}

/**
 * Decompresses a body in the encodings that its headers name, though no request asks for one, and removes those headers.
 *
 * An encoding that is not known leaves the body as it is.
 */
export function removeCompression(body: Readable, headers: Headers): Readable {
  const encodings = (headers.get("content-encoding") ?? "")
    .toLowerCase()
    .split(",")
    .map((encoding) => encoding.trim());
  if (encodings.some((encoding) => createDecoder(encoding) !== null)) {
    headers.delete("content-encoding");
    headers.delete("content-length");
  }
  // The last encoding was applied last.
  return encodings.reduceRight((stream, encoding) => {
    const decoder = createDecoder(encoding);
    // The reader of the decoder sees the error, too.
    return decoder ? pipeline(stream, decoder, () => undefined) : stream;
  }, body);
}

function createDecoder(encoding: string) {
  if (encoding === "br") return createBrotliDecompress();
  return /^(?:x-)?gzip$|^deflate$/.test(encoding) ? createUnzip() : null;
}
