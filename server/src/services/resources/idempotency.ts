// Idempotency keys: the same key and the same request give the same answer for a day, in one transaction with the effect. Of the key only a
// hash is stored; the answer of a kind that has secrets (some are answered once) is kept encrypted under the key itself.
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hash,
  hkdfSync,
  type KeyObject,
} from "node:crypto";
import { type DescMessage, fromBinary, type JsonValue, type Message, toBinary, toJson } from "@bufbuild/protobuf";
import { Fault } from "../../fault.ts";
import type { Store, Tx } from "../../store/store.ts";
import type { Call } from "../call.ts";
import { actorOf, type Random } from "./work.ts";

/** How long an answer is kept, in milliseconds. */
export const keptMs = 24 * 60 * 60_000;

/** The longest key, in characters: a UUID has 36. */
const longestKey = 255;
const nonceBytes = 12;
const tagBytes = 16;

/** JSON with sorted keys, so that the order of a map's entries means nothing. */
function canonical(value: JsonValue): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/**
 * Two keys of 32 bytes that only the holder of the idempotency key can make (RFC 5869): one to recognize the request, one to seal the answer.
 * Key objects, since Node finds out by an exception and its stack that bytes are none: that costs three times what the cipher does.
 */
function derive(key: string, scope: string): { readonly recognizing: KeyObject; readonly sealing: KeyObject } {
  const drawn = Buffer.from(hkdfSync("sha256", key, scope, "photoncloud idempotency", 64));
  return { recognizing: createSecretKey(drawn.subarray(0, 32)), sealing: createSecretKey(drawn.subarray(32)) };
}

/** How the answer of a kind is kept. */
export interface AnswerForm {
  readonly desc: DescMessage;
  readonly hasSecrets: boolean;
}

/** One call's memory: how its answer is found, kept and opened. */
export class Memory {
  readonly #scope: string;
  readonly #name: string;
  readonly #requestHash: string;
  /** Undefined: the answer is kept as it is, like the resource beside it. */
  readonly #sealing: KeyObject | undefined;
  readonly #answer: DescMessage;
  readonly #random: Random;

  constructor(call: Call, request: { desc: DescMessage; message: Message }, answer: AnswerForm, random: Random) {
    const key = call.idempotencyKey;
    this.#scope = actorOf(call.principal);
    this.#name = hash("sha256", `${this.#scope}\n${key}`, "base64url");
    const asked = `${call.method}\n${canonical(toJson(request.desc, request.message))}`;
    if (answer.hasSecrets) {
      const { recognizing, sealing } = derive(key, this.#scope);
      this.#requestHash = createHmac("sha256", recognizing).update(asked).digest("base64url");
      this.#sealing = sealing;
    } else this.#requestHash = hash("sha256", JSON.stringify([key, this.#scope, asked]), "base64url");
    this.#answer = answer.desc;
    this.#random = random;
  }

  /** The answer that was given before; undefined: none. @throws Fault IDEMPOTENCY_KEY_REUSED if it was given to another request. */
  async recall(store: Store): Promise<Message | undefined> {
    const kept = await store.recall(this.#scope, this.#name);
    if (kept === undefined) return undefined;
    if (kept.requestHash !== this.#requestHash)
      throw new Fault(
        "IDEMPOTENCY_KEY_REUSED",
        "this Idempotency-Key was used for another request within a day; draw a new key for each new request",
      );
    const { answer } = kept;
    return fromBinary(this.#answer, this.#sealing === undefined ? answer : opened(answer, this.#sealing));
  }

  /** Keeps the answer together with everything else that the transaction writes. */
  keep(tx: Tx, answer: Message): void {
    const plain = toBinary(this.#answer, answer);
    const kept = this.#sealing === undefined ? plain : sealed(plain, this.#sealing, this.#random(nonceBytes));
    tx.remember(this.#scope, this.#name, { requestHash: this.#requestHash, answer: kept }, tx.now + keptMs);
  }
}

function sealed(answer: Uint8Array, key: KeyObject, nonce: Uint8Array): Uint8Array {
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  return Buffer.concat([nonce, cipher.update(answer), cipher.final(), cipher.getAuthTag()]);
}

function opened(answer: Uint8Array, key: KeyObject): Uint8Array {
  const decipher = createDecipheriv("aes-256-gcm", key, answer.subarray(0, nonceBytes));
  decipher.setAuthTag(answer.subarray(-tagBytes));
  return Buffer.concat([decipher.update(answer.subarray(nonceBytes, -tagBytes)), decipher.final()]);
}

/** The memory of a call that has a key. The cloud's own calls have none. @throws Fault INVALID_FIELDS for a key that is too long. */
export function memoryOf(
  call: Call,
  request: { desc: DescMessage; message: Message },
  answer: AnswerForm,
  random: Random,
): Memory | undefined {
  if (call.idempotencyKey === "" || call.principal === undefined) return undefined;
  if (call.idempotencyKey.length > longestKey)
    throw new Fault(
      "MALFORMED_REQUEST",
      `the Idempotency-Key has more than ${longestKey} characters; a UUID is enough`,
    );
  return new Memory(call, request, answer, random);
}
