/** 32-bit FNV-1a over UTF-16 code units, with the final mix of MurmurHash3 so that every bit counts. Same text, same number. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return mixed(hash);
}

/** A second number out of a first, as the next one of a random generator. */
function nextHash(hash: number, draw: number): number {
  return mixed(hash ^ Math.imul(draw + 1, 0x9e3779b1));
}

/** One of a list, decided by a hash; another `draw` of the same hash decides anew. */
export function drawn<T>(hash: number, draw: number, list: readonly [T, ...T[]]): T {
  return list[nextHash(hash, draw) % list.length] ?? list[0];
}

/** Deals a list out in order from a place that the hash decides, starting over at its end: no repetition before it must. */
export function dealer<T>(hash: number, draw: number, list: readonly [T, ...T[]]): () => T {
  let next = nextHash(hash, draw) % list.length;
  return () => list[next++ % list.length] ?? list[0];
}

function mixed(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
