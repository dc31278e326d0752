// Writes MessagePack (github.com/msgpack/msgpack spec) into one growing buffer.

/** Terraform reads an ext body of at most 1,024 bytes. */
const maxExt = 1024;

export class Writer {
  #buffer = Buffer.allocUnsafe(512);
  #length = 0;

  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  nil(): void {
    this.#byte(0xc0);
  }

  bool(value: boolean): void {
    this.#byte(value ? 0xc3 : 0xc2);
  }

  float(value: number): void {
    const at = this.#grow(9);
    this.#buffer[at] = 0xcb;
    this.#buffer.writeDoubleBE(value, at + 1);
  }

  /** What was written before, as it is. */
  raw(bytes: Uint8Array): void {
    this.#bytes(bytes);
  }

  /** A whole number between -2^63 and 2^64-1. */
  integer(value: bigint): void {
    if (value >= 0n && value < 0x80n) this.#byte(Number(value));
    else if (value < 0n && value >= -32n) this.#byte(0x100 + Number(value));
    else this.#long(value);
  }

  string(value: string): void {
    const size = Buffer.byteLength(value);
    this.#head(size, 0xa0, 31, 0xd9, 0xda, 0xdb);
    const at = this.#grow(size);
    this.#buffer.write(value, at, "utf8");
  }

  bin(value: Uint8Array): void {
    this.#head(value.length, 0, -1, 0xc4, 0xc5, 0xc6);
    this.#bytes(value);
  }

  array(size: number): void {
    this.#head(size, 0x90, 15, 0xdc, 0xdc, 0xdd);
  }

  map(size: number): void {
    this.#head(size, 0x80, 15, 0xde, 0xde, 0xdf);
  }

  /** An unknown: ext 0, or ext 12 with its refinements. */
  unknown(refinements: Uint8Array | undefined): void {
    const size = refinements?.length ?? maxExt + 1;
    if (refinements === undefined || size > maxExt) {
      this.#bytes(Uint8Array.of(0xd4, 0, 0));
      return;
    }
    this.#bytes(size < 256 ? Uint8Array.of(0xc7, size, 12) : Uint8Array.of(0xc8, size >> 8, size & 0xff, 12));
    this.#bytes(refinements);
  }

  #long(value: bigint): void {
    const at = this.#grow(9);
    this.#buffer[at] = value < 0n ? 0xd3 : 0xcf;
    if (value < 0n) this.#buffer.writeBigInt64BE(value, at + 1);
    else this.#buffer.writeBigUInt64BE(value, at + 1);
  }

  /** `fix` covers sizes to `fixMax`; arrays and maps have no 8-bit form: their 8-bit head is their 16-bit one. */
  #head(size: number, fix: number, fixMax: number, head8: number, head16: number, head32: number): void {
    if (size <= fixMax) this.#byte(fix | size);
    else if (size < 0x100 && head8 !== head16) {
      this.#byte(head8);
      this.#byte(size);
    } else if (size < 0x10000) {
      this.#byte(head16);
      this.#byte(size >> 8);
      this.#byte(size & 0xff);
    } else {
      const at = this.#grow(5);
      this.#buffer[at] = head32;
      this.#buffer.writeUInt32BE(size, at + 1);
    }
  }

  #byte(value: number): void {
    const at = this.#grow(1);
    this.#buffer[at] = value;
  }

  #bytes(value: Uint8Array): void {
    const at = this.#grow(value.length);
    this.#buffer.set(value, at);
  }

  #grow(by: number): number {
    const at = this.#length;
    this.#length += by;
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    return at;
  }
}
