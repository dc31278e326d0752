// Recovery codes: what stands in for a second factor that was lost, each of them once. 80 random bits, so a plain hash is enough.
import { hashSecret } from "../credentials/key-secret.ts";
import { toBase32 } from "./base32.ts";

const howMany = 10;
const bytesEach = 10;

export interface DrawnCodes {
  /** "abcd-efgh-ijkl-mnop"; shown once. */
  readonly codes: readonly string[];
  readonly hashes: readonly string[];
}

export function drawRecoveryCodes(random: (bytes: number) => Uint8Array): DrawnCodes {
  const codes = Array.from({ length: howMany }, () => formatCode(toBase32(random(bytesEach)).toLowerCase()));
  return { codes, hashes: codes.map(recoveryHash) };
}

function formatCode(text: string): string {
  return text.match(/.{4}/g)?.join("-") ?? text;
}

/** What is kept of a code; how it was typed makes no difference. */
export function recoveryHash(code: string): string {
  const plain = code.toLowerCase().replace(/[^a-z2-7]/g, "");
  return Buffer.from(hashSecret(`recovery ${plain}`)).toString("base64url");
}
