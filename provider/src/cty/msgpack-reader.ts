// Reads MessagePack item by item; the codec says what it expects. Numbers and texts are read where they lie: a Buffer for each costs more than the rest.

/** One item's head: a scalar, or the size of what follows. */
export type Item =
  | { readonly kind: "nil" }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "number"; readonly value: number | bigint }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "bin"; readonly value: Uint8Array }
  | { readonly kind: "ext"; readonly type: number; readonly value: Uint8Array }
  | { readonly kind: "array" | "map"; readonly size: number };

const small = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;

export class Reader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Whether everything was read. */
  get done(): boolean {
    return this.#at >= this.#buffer.length;
  }

  /** @throws RangeError at the end of the bytes, Error for 0xc1, which MessagePack never uses. */
  next(): Item {
    const head = this.#uint(1);
    if (head < 0x80) return { kind: "number", value: head };
    if (head < 0x90) return { kind: "map", size: head & 15 };
    if (head < 0xa0) return { kind: "array", size: head & 15 };
    if (head < 0xc0) return this.#string(head & 31);
    if (head >= 0xe0) return { kind: "number", value: head - 0x100 };
    return this.#long(head);
  }

  #long(head: number): Item {
    switch (head) {
      case 0xc0:
        return { kind: "nil" };
      case 0xc2:
      case 0xc3:
        return { kind: "bool", value: head === 0xc3 };
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return { kind: "bin", value: this.#take(this.#uint(1 << (head - 0xc4))) };
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#ext(this.#uint(1 << (head - 0xc7)));
      case 0xca:
        return { kind: "number", value: this.#buffer.readFloatBE(this.#skip(4)) };
      case 0xcb:
        return { kind: "number", value: this.#buffer.readDoubleBE(this.#skip(8)) };
      case 0xcc:
      case 0xcd:
      case 0xce:
        return { kind: "number", value: this.#uint(1 << (head - 0xcc)) };
      case 0xcf:
        return { kind: "number", value: small(this.#buffer.readBigUInt64BE(this.#skip(8))) };
      case 0xd0:
      case 0xd1:
      case 0xd2: {
        const size = 1 << (head - 0xd0);
        return { kind: "number", value: this.#buffer.readIntBE(this.#skip(size), size) };
      }
      case 0xd3:
        return { kind: "number", value: small(this.#buffer.readBigInt64BE(this.#skip(8))) };
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#ext(1 << (head - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#string(this.#uint(1 << (head - 0xd9)));
      case 0xdc:
      case 0xdd:
        return { kind: "array", size: this.#uint(head === 0xdc ? 2 : 4) };
      case 0xde:
      case 0xdf:
        return { kind: "map", size: this.#uint(head === 0xde ? 2 : 4) };
      default:
        throw new Error(`no MessagePack: byte 0x${head.toString(16)}`);
    }
  }

  #string(size: number): Item {
    const from = this.#skip(size);
    return { kind: "string", value: this.#buffer.toString("utf8", from, from + size) };
  }

  #ext(size: number): Item {
    const type = this.#buffer.readInt8(this.#skip(1));
    return { kind: "ext", type, value: this.#take(size) };
  }

  #uint(size: number): number {
    const from = this.#skip(size);
    return size === 1 ? (this.#buffer[from] ?? 0) : this.#buffer.readUIntBE(from, size);
  }

  /** A copy, since the frame's buffer may be used again. */
  #take(size: number): Uint8Array {
    const from = this.#skip(size);
    return Uint8Array.from(this.#buffer.subarray(from, from + size));
  }

  /** Answers where the bytes begin that it goes past. */
  #skip(size: number): number {
    const from = this.#at;
    if (from + size > this.#buffer.length) throw new RangeError("the MessagePack ends too early");
    this.#at += size;
    return from;
  }
}
