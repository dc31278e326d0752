// Cuts a stream of bytes into JSON values. OVSDB has no framing: one object follows the other, in pieces of any size.
import type { Json } from "./json.ts";

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

export class JsonSplitter {
  /** The pieces of the value that is not whole yet. */
  #pieces: Buffer[] = [];
  #state = { depth: 0, inString: false, escaped: false };

  /**
   * Answers the values that end in this piece. Only objects and arrays: the protocol has no others at the top.
   *
   * @throws SyntaxError if a value is not JSON; the stream is of no use after that.
   */
  push(piece: Buffer): Json[] {
    const values: Json[] = [];
    let start = 0;
    for (let end = this.#endIn(piece, 0); end >= 0; end = this.#endIn(piece, end)) {
      values.push(this.#take(piece.subarray(start, end)));
      start = end;
    }
    if (start < piece.length) this.#pieces.push(piece.subarray(start));
    return values;
  }

  /**
   * Where the first value ends; -1: not in this piece. Bytes of UTF-8's longer characters are all above 0x7f, so none of them looks like a
   * quote or a brace. Tight loops over plain variables: every byte that a database sends passes here, most of them inside of strings.
   */
  #endIn(piece: Buffer, from: number): number {
    const { length } = piece;
    let { depth, inString, escaped } = this.#state;
    let end = -1;
    for (let index = from; index < length && end < 0; index++) {
      if (inString) {
        if (escaped) escaped = false;
        else {
          while (index < length && piece[index] !== quote && piece[index] !== backslash) index++;
          escaped = piece[index] === backslash;
          inString = escaped || index >= length;
        }
        continue;
      }
      const byte = piece[index];
      if (byte === quote) inString = true;
      else if (byte === openBrace || byte === openBracket) depth++;
      else if ((byte === closeBrace || byte === closeBracket) && --depth <= 0) end = index + 1;
    }
    if (depth < 0) throw new SyntaxError("a value ends that has not begun");
    this.#state = { depth, inString, escaped };
    return end;
  }

  #take(last: Buffer): Json {
    const whole = this.#pieces.length === 0 ? last : Buffer.concat([...this.#pieces, last]);
    this.#pieces = [];
    return JSON.parse(whole.toString("utf8"));
  }
}
