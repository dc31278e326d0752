// User codes: eight consonants in two halves, which no word and no look-alike comes out of (RFC 8628, section 6.1). 34 bits, for ten minutes,
// with guesses slowed down.

const letters = "BCDFGHJKLMNPQRSTVWXZ";
const length = 8;

/** @param random Gives bytes; those that would favour a letter are drawn again. */
export function drawUserCode(random: (bytes: number) => Uint8Array): string {
  let code = "";
  while (code.length < length) {
    const [byte = 0] = random(1);
    if (byte < letters.length * Math.floor(256 / letters.length)) code += letters[byte % letters.length];
  }
  return shown(code);
}

/** What a person typed, as it was shown; "" where it can be no code. */
export function readUserCode(text: string): string {
  const plain = text.toUpperCase().replace(/[\s-]/g, "");
  return plain.length === length && [...plain].every((letter) => letters.includes(letter)) ? shown(plain) : "";
}

function shown(code: string): string {
  return `${code.slice(0, length / 2)}-${code.slice(length / 2)}`;
}
