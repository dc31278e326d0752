// Tells whether a kept secret is still the same one, without keeping it twice.
import { createHash } from "node:crypto";

/** 132 bits of SHA-256 in base64url. */
export function fingerprint(secret: Uint8Array): string {
  return createHash("sha256").update(secret).digest("base64url").slice(0, 22);
}
