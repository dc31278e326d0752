// Decimal: an exact number of any size, as Terraform writes those that fit no int64 and no float64.

const notation = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/** A number in decimal text; the text is kept as it was written. */
export class Decimal {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/**
 * The one spelling that all spellings of a number share: "-12345e-3"; zero is "0".
 *
 * @throws Error if the text is no decimal number.
 */
export function canonicalDecimal(text: string): string {
  const match = notation.exec(text);
  const whole = match?.[2] ?? "";
  const fraction = match?.[3] ?? "";
  if (match === null || whole + fraction === "") throw new Error(`no decimal number: ${JSON.stringify(text)}`);
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  const exponent = BigInt(match[4] ?? "0") - BigInt(fraction.length) + BigInt(digits.length - significant.length);
  return `${match[1] === "-" ? "-" : ""}${significant}e${exponent}`;
}

/** The whole number that a decimal text stands for, or undefined if it has a fraction or more than `maxDigits` digits. */
export function toBigInt(text: string, maxDigits = 400): bigint | undefined {
  const canonical = canonicalDecimal(text);
  if (canonical === "0") return 0n;
  const at = canonical.indexOf("e");
  const exponent = Number(canonical.slice(at + 1));
  if (exponent < 0 || exponent + at > maxDigits) return undefined;
  return BigInt(canonical.slice(0, at) + "0".repeat(exponent));
}
