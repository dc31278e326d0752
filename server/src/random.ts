// Chance from the system's generator, taken a page at a time: a call of it costs as much as fifty draws.
import { randomFillSync } from "node:crypto";

const page = Buffer.alloc(4_096);
let used = page.length;

/** Cryptographically random bytes. None of them is given twice, nor kept. */
export function randomBytes(count: number): Uint8Array {
  if (count > page.length) return randomFillSync(new Uint8Array(count));
  if (used + count > page.length) {
    randomFillSync(page);
    used = 0;
  }
  const drawn = new Uint8Array(page.subarray(used, used + count));
  page.fill(0, used, used + count);
  used += count;
  return drawn;
}
