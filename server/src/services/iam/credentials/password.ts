// Passwords: argon2id with 19 MiB and 2 passes (the OWASP Password Storage Cheat Sheet's first choice), 22 ms on one core.
import { hash, verify } from "@node-rs/argon2";
import { createGate } from "./gate.ts";

/** argon2id is the library's default algorithm. */
const options = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
/** Two at a time leave the rest of libuv's four threads to files and DNS; 200 waiting are answered within about 3 seconds. */
const gate = createGate({ atOnce: 2, waiting: 200 });

/** Answers a PHC string: parameters, salt and hash. */
export async function hashPassword(password: string): Promise<Uint8Array> {
  return new TextEncoder().encode(await gate(() => hash(password, options)));
}

/** A hash that no password has been hashed to; verifying against it costs what verifying against a real one costs. */
const nobodys = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdCE$pB4gPGS9pXmRZcKGq1hyMGkLPN5kW2wMHaPlLeo4lbM";

/** Whether a password is the one that was hashed. Without a hash (no such user, no password set) it does the same work and says no. */
export async function verifyPassword(hashed: Uint8Array | undefined, password: string): Promise<boolean> {
  const known = hashed !== undefined && hashed.length > 0;
  const against = known ? (linesOf(hashed)[0] ?? nobodys) : nobodys;
  const matches = await gate(() => verify(against, password));
  return known && matches;
}

/** What is kept of a user: the hash of its password, and those before it, a line each. */
function linesOf(kept: Uint8Array): readonly string[] {
  return new TextDecoder().decode(kept).split("\n");
}

/** The bytes to keep. @param history How many passwords must not come back, the present one among them. */
export function rememberPassword(hashed: Uint8Array, prior: Uint8Array | undefined, history: number): Uint8Array {
  const former = prior === undefined || prior.length === 0 ? [] : linesOf(prior).slice(0, Math.max(0, history - 1));
  return new TextEncoder().encode([...linesOf(hashed), ...former].join("\n"));
}

/** Whether a password is one of the last that were kept. */
export async function wasPassword(kept: Uint8Array, password: string, history: number): Promise<boolean> {
  if (kept.length === 0) return false;
  for (const line of linesOf(kept).slice(0, history)) if (await gate(() => verify(line, password))) return true;
  return false;
}
