// How one leaves a console: Ctrl-], or ~. at the beginning of a line, as ssh and telnet have it. Everything else is the guest's.

const [controlBracket, tilde, dot, carriageReturn, newline] = [0x1d, 0x7e, 0x2e, 0x0d, 0x0a];

export interface Typed {
  /** What the guest gets. */
  readonly bytes: Buffer;
  readonly leave: boolean;
}

export class Escape {
  #atLineStart = true;
  /** A ~ at the beginning of a line is held until it is known what follows. */
  #held = false;

  take(typed: Uint8Array): Typed {
    const out: number[] = [];
    for (const byte of typed) {
      if (byte === controlBracket || (this.#held && byte === dot)) return { bytes: Buffer.from(out), leave: true };
      this.#pass(byte, out);
    }
    return { bytes: Buffer.from(out), leave: false };
  }

  /** ~~ is one ~. */
  #pass(byte: number, out: number[]): void {
    if (this.#atLineStart && !this.#held && byte === tilde) {
      this.#held = true;
      return;
    }
    if (this.#held && byte !== tilde) out.push(tilde);
    this.#held = false;
    out.push(byte);
    this.#atLineStart = byte === carriageReturn || byte === newline;
  }
}
