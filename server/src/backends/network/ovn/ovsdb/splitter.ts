// Cuts a stream of bytes into JSON values. OVSDB has no framing: one object follows the other, in pieces of any size.
import type { Json } from "./json.ts";

const quote = 0x22;
const backslash = 0x5c;
const openers = new Set([0x7b, 0x5b]);
const closers = new Set([0x7d, 0x5d]);

export class JsonSplitter {
  /** The pieces of the value that is not whole yet. */
  #pieces: Buffer[] = [];
  #depth = 0;
  #inString = false;
  #escaped = false;

  /**
   * Answers the values that end in this piece. Only objects and arrays: the protocol has no others at the top.
   *
   * @throws SyntaxError if a value is not JSON; the stream is of no use after that.
   */
  push(piece: Buffer): Json[] {
    const values: Json[] = [];
    let start = 0;
    for (let index = 0; index < piece.length; index++) {
      if (!this.#endsAt(piece[index] ?? 0)) continue;
      values.push(this.#take(piece.subarray(start, index + 1)));
      start = index + 1;
    }
    if (start < piece.length) this.#pieces.push(piece.subarray(start));
    return values;
  }

  /** Whether a value ends with this byte. Bytes of UTF-8's longer characters are all above 0x7f, so none of them looks like a quote or a brace. */
  #endsAt(byte: number): boolean {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === backslash) this.#escaped = true;
      else if (byte === quote) this.#inString = false;
      return false;
    }
    if (byte === quote) this.#inString = true;
    else if (openers.has(byte)) this.#depth++;
    else if (closers.has(byte)) return this.#close();
    return false;
  }

  #close(): boolean {
    this.#depth--;
    if (this.#depth < 0) throw new SyntaxError("a value ends that has not begun");
    return this.#depth === 0;
  }

  #take(last: Buffer): Json {
    const whole = this.#pieces.length === 0 ? last : Buffer.concat([...this.#pieces, last]);
    this.#pieces = [];
    return JSON.parse(whole.toString("utf8"));
  }
}
