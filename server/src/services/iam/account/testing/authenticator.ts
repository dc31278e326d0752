// A security key in software: what a browser's navigator.credentials would answer (WebAuthn Level 3), with a key of its own on P-256.
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isoCBOR } from "@simplewebauthn/server/helpers";

const userPresent = 0x01;
const attested = 0x40;

function sha256(data: string | Uint8Array): Buffer {
  return createHash("sha256").update(data).digest();
}

function base64url(bytes: Uint8Array | string): string {
  return Buffer.from(bytes).toString("base64url");
}

function challengeIn(options: string): string {
  const parsed: unknown = JSON.parse(options);
  const challenge = typeof parsed === "object" && parsed !== null ? Reflect.get(parsed, "challenge") : undefined;
  if (typeof challenge !== "string") throw new Error("the options have no challenge");
  return challenge;
}

export class SoftwareAuthenticator {
  readonly #origin: string;
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;
  readonly #id = randomBytes(16);
  #counter = 0;

  constructor(origin: string) {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#origin = origin;
    this.#privateKey = privateKey;
    this.#publicKey = publicKey;
  }

  /** The answer to PublicKeyCredentialCreationOptions. */
  attest(options: string): string {
    const clientData = this.#clientData("webauthn.create", challengeIn(options));
    const authData = this.#authData(userPresent | attested, this.#attestedKey());
    const attestationObject = isoCBOR.encode(
      new Map<string, string | Uint8Array | Map<string, string>>([
        ["fmt", "none"],
        ["attStmt", new Map()],
        ["authData", new Uint8Array(authData)],
      ]),
    );
    return this.#credential({ clientDataJSON: base64url(clientData), attestationObject: base64url(attestationObject) });
  }

  /** The answer to PublicKeyCredentialRequestOptions. */
  assert(options: string, { rewind = 0 }: { readonly rewind?: number } = {}): string {
    this.#counter += 1 - rewind;
    const clientData = this.#clientData("webauthn.get", challengeIn(options));
    const authData = this.#authData(userPresent, Buffer.alloc(0));
    const signature = sign("sha256", Buffer.concat([authData, sha256(clientData)]), this.#privateKey);
    return this.#credential({
      clientDataJSON: base64url(clientData),
      authenticatorData: base64url(authData),
      signature: base64url(signature),
    });
  }

  #credential(response: Readonly<Record<string, string>>): string {
    const id = base64url(this.#id);
    return JSON.stringify({ id, rawId: id, type: "public-key", clientExtensionResults: {}, response });
  }

  #clientData(type: string, challenge: string): string {
    return JSON.stringify({ type, challenge, origin: this.#origin, crossOrigin: false });
  }

  #authData(flags: number, rest: Uint8Array): Buffer {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(this.#counter);
    return Buffer.concat([sha256(new URL(this.#origin).hostname), Buffer.of(flags), counter, rest]);
  }

  /** The credential's id and its key in COSE (RFC 9053, section 7.1). */
  #attestedKey(): Buffer {
    const { x = "", y = "" } = this.#publicKey.export({ format: "jwk" });
    const cose = isoCBOR.encode(
      new Map<number, number | Uint8Array>([
        [1, 2],
        [3, -7],
        [-1, 1],
        [-2, new Uint8Array(Buffer.from(x, "base64url"))],
        [-3, new Uint8Array(Buffer.from(y, "base64url"))],
      ]),
    );
    const length = Buffer.alloc(2);
    length.writeUInt16BE(this.#id.length);
    return Buffer.concat([Buffer.alloc(16), length, this.#id, cose]);
  }
}
