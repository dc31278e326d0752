// Ids: "{prefix}-" and 26 characters of Crockford's base 32 (as a ULID): 48 bits of time, then 80 bits drawn.
const digits = "0123456789abcdefghjkmnpqrstvwxyz";
const timeDigits = 10;
const drawnDigits = 16;
/** 80 bits. */
export const drawnBytes = 10;

function encode(value: bigint, length: number): string {
  let text = "";
  for (let rest = value, i = 0; i < length; i++, rest >>= 5n) text = (digits[Number(rest & 31n)] ?? "") + text;
  return text;
}

/** Ids of later milliseconds sort after those of earlier ones. */
export function makeId(prefix: string, now: number, random: Uint8Array): string {
  let drawn = 0n;
  for (const byte of random.subarray(0, drawnBytes)) drawn = (drawn << 8n) | BigInt(byte);
  return `${prefix}-${encode(BigInt(now), timeDigits)}${encode(drawn, drawnDigits)}`;
}
