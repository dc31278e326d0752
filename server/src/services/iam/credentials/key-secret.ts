// Service account key secrets: "pck_" and 256 random bits. Stored as SHA-256: nothing slower is needed for what can't be guessed.
import { createHash, timingSafeEqual } from "node:crypto";

const keySecretPrefix = "pck_";
/** 256 bits. */
export const keySecretBytes = 32;

/** "pck_" and 43 characters of base64url. The prefix lets scanners find secrets that were committed by mistake. */
export function formatKeySecret(random: Uint8Array): string {
  return keySecretPrefix + Buffer.from(random).toString("base64url");
}

export function hashSecret(secret: string): Uint8Array {
  return createHash("sha256").update(secret).digest();
}

/** Compares in a time that tells nothing of where two hashes differ. */
export function sameHash(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
