// Encrypts what must not be read from a stolen database: AES-256-GCM under the operator's master key, where there is one.
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

/** Says how bytes are kept, in their first byte, so that plain ones are still read after a master key was set. */
const plain = 0;
const sealed = 1;
/** NIST SP 800-38D: 96 bits of nonce, 128 of tag. A key is sealed a few times a month: random nonces are safe. */
const nonceBytes = 12;
const tagBytes = 16;

export interface Sealing {
  /** Whether there is a master key. */
  readonly seals: boolean;
  /** Whether what is kept lies readable although it could be sealed. */
  isPlain(kept: Uint8Array): boolean;
  seal(value: Uint8Array, name: string): Uint8Array;
  /** @throws Error if the bytes were sealed under another master key or name, or there is none. */
  open(kept: Uint8Array, name: string): Uint8Array;
}

/** @param masterKey 32 bytes; undefined: what is kept stays readable to whoever reads the database. */
export function createSealing(masterKey: Uint8Array | undefined): Sealing {
  if (masterKey !== undefined && masterKey.length !== 32) throw new Error("the master key must have 32 bytes");
  return {
    seals: masterKey !== undefined,
    isPlain: (kept) => masterKey !== undefined && kept[0] === plain,
    seal(value, name) {
      if (masterKey === undefined) return Buffer.concat([Buffer.of(plain), value]);
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv("aes-256-gcm", masterKey, nonce).setAAD(Buffer.from(name));
      const body = Buffer.concat([cipher.update(value), cipher.final()]);
      return Buffer.concat([Buffer.of(sealed), nonce, cipher.getAuthTag(), body]);
    },
    open(kept, name) {
      if (kept[0] === plain) return kept.subarray(1);
      if (masterKey === undefined)
        throw new Error(`${name} is encrypted: set the master key that it was encrypted with`);
      return decrypt(kept.subarray(1), masterKey, name);
    },
  };
}

function decrypt(kept: Uint8Array, masterKey: Uint8Array, name: string): Uint8Array {
  const decipher = createDecipheriv("aes-256-gcm", masterKey, kept.subarray(0, nonceBytes))
    .setAAD(Buffer.from(name))
    .setAuthTag(kept.subarray(nonceBytes, nonceBytes + tagBytes));
  try {
    return Buffer.concat([decipher.update(kept.subarray(nonceBytes + tagBytes)), decipher.final()]);
  } catch (cause) {
    throw new Error(`${name} can't be decrypted: is the master key the one that it was encrypted with?`, { cause });
  }
}
