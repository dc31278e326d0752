// Files as they are carried: most of a disk is zeros, which are told as a number.
import type { FilePart } from "./driver.ts";

/** How many zeros are written at a time. */
const zeros = Buffer.alloc(256 * 1024);
/** So many zeros are told of at the latest, so that whoever waits hears something. */
const mostZeros = 1024 ** 3;

function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += zeros.length) {
    const some = bytes.subarray(at, at + zeros.length);
    if (zeros.compare(some, 0, some.length, 0, some.length) !== 0) return false;
  }
  return true;
}

/** Chunks of a file as its parts. */
export async function* partsOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<FilePart> {
  let skipped = 0;
  for await (const chunk of chunks) {
    const isHole = isZero(chunk);
    if (isHole) skipped += chunk.length;
    if (skipped > 0 && (!isHole || skipped >= mostZeros)) {
      yield { zeros: skipped };
      skipped = 0;
    }
    if (!isHole) yield chunk;
  }
  if (skipped > 0) yield { zeros: skipped };
}

/** The bytes of a file's part. */
export function* bytesOf(part: FilePart): Generator<Uint8Array> {
  if (part instanceof Uint8Array) return yield part;
  for (let left = part.zeros; left > 0; left -= zeros.length) yield zeros.subarray(0, Math.min(left, zeros.length));
}

/** A whole file's bytes. */
export async function* bytesOfAll(parts: AsyncIterable<FilePart>): AsyncGenerator<Uint8Array> {
  for await (const part of parts) yield* bytesOf(part);
}
