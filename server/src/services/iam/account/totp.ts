// Time-based one-time passwords (RFC 6238) as authenticator apps make them: HMAC-SHA-1, six digits, a new one each 30 seconds.
import { createHmac, timingSafeEqual } from "node:crypto";

/** RFC 4226 section 4 recommends 160 bits. */
export const totpSecretBytes = 20;
const stepMs = 30_000;
const digits = 6;
/** Steps before and after the present one that are taken: clocks differ, and people type slowly (RFC 6238, section 5.2). */
const drift = 1;

/** HOTP (RFC 4226, section 5.3). */
export function hotp(secret: Uint8Array, counter: number, length = digits): string {
  const message = Buffer.alloc(8);
  message.writeBigUInt64BE(BigInt(counter));
  const mac = createHmac("sha1", secret).update(message).digest();
  const offset = (mac.at(-1) ?? 0) & 0xf;
  return String((mac.readUInt32BE(offset) & 0x7fff_ffff) % 10 ** length).padStart(length, "0");
}

export function stepAt(now: number): number {
  return Math.floor(now / stepMs);
}

/**
 * The step that a code is good for; undefined: for none.
 *
 * @param last The last step that was accepted: neither it nor one before is taken again (RFC 6238, section 5.2).
 */
export function matchingStep(secret: Uint8Array, code: string, now: number, last: number): number | undefined {
  const given = Buffer.from(code.padEnd(digits, " ").slice(0, digits));
  const present = stepAt(now);
  let found: number | undefined;
  for (let step = present - drift; step <= present + drift; step += 1) {
    const same = given.length === digits && timingSafeEqual(Buffer.from(hotp(secret, step)), given);
    if (same && code.length === digits && step > last) found ??= step;
  }
  return found;
}

/** otpauth://totp/…, as authenticator apps read it from a QR code. */
export function totpUri(secret: string, label: { readonly cloud: string; readonly account: string }): string {
  const query = new URLSearchParams({ secret, issuer: label.cloud, digits: String(digits), period: "30" });
  return `otpauth://totp/${encodeURIComponent(`${label.cloud}:${label.account}`)}?${query}`;
}
