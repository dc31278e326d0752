// The envelopes of Connect streams: one byte of flags, four of length (big endian), then the message
// (connectrpc.com/docs/protocol, "Streaming RPCs").

/** Bit 1 of the flags: this envelope is the last and carries the stream's end. */
const endOfStream = 0b10;
const compressed = 0b01;
const headerBytes = 5;
/** Larger messages than this are no cloud's; refusing them keeps a broken peer from filling the memory. */
const largestBytes = 64 * 1024 * 1024;

export interface Envelope {
  readonly end: boolean;
  /** A message as the call's codec says; JSON at the end. */
  readonly data: Uint8Array;
}

/** One message of JSON in its envelope, in a buffer of exactly its size. */
export function encodeEnvelope(json: unknown): Uint8Array<ArrayBuffer> {
  return inEnvelope(new TextEncoder().encode(JSON.stringify(json)));
}

export function decodeJson(data: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(data));
}

/** One message in its envelope. */
export function inEnvelope(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(headerBytes + data.length);
  new DataView(bytes.buffer).setUint32(1, data.length);
  bytes.set(data, headerBytes);
  return bytes;
}

function joined(left: Uint8Array, right: Uint8Array): Uint8Array {
  if (left.length === 0) return right;
  const all = new Uint8Array(left.length + right.length);
  all.set(left);
  all.set(right, left.length);
  return all;
}

function lengthOf(bytes: Uint8Array): number {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
  if (length > largestBytes) throw new Error(`an envelope of ${length} bytes; at most ${largestBytes} are taken`);
  return length;
}

/**
 * The envelopes of a stream of bytes, however it is cut into chunks.
 *
 * @throws Error on an envelope that is compressed (we ask for none) or too large.
 */
export async function* readEnvelopes(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Envelope> {
  let rest: Uint8Array = new Uint8Array();
  for await (const chunk of chunks) {
    rest = joined(rest, chunk);
    while (rest.length >= headerBytes) {
      const size = headerBytes + lengthOf(rest);
      if (rest.length < size) break;
      const flags = rest[0] ?? 0;
      if ((flags & compressed) !== 0) throw new Error("a compressed envelope, which was not asked for");
      yield { end: (flags & endOfStream) !== 0, data: rest.subarray(headerBytes, size) };
      rest = rest.subarray(size);
    }
  }
}
