// Passkeys (WebAuthn Level 3): what a browser is asked, and whether its answer is good. The cloud's own address is who is relied on.
import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from "@simplewebauthn/server";
import { invalidField } from "../../../fault.ts";
import type { Records } from "../../../store/store.ts";
import type { Identity } from "../principal-name.ts";
import { principalName } from "../principal-name.ts";
import type { PasskeyFactor } from "./factor-store.ts";

const space = "iam/passkey-challenges";
/** How long a person may take to touch a key. */
const challengeMs = 5 * 60_000;

export interface Passkeys {
  /** The JSON of PublicKeyCredentialCreationOptions, and its challenge. */
  registration(identity: Identity, known: readonly PasskeyFactor[]): Promise<{ options: string; challenge: string }>;
  /** What is kept of a good attestation; undefined: it is not good. */
  register(
    challenge: string,
    attestation: string,
  ): Promise<Pick<PasskeyFactor, "credentialId" | "publicKey" | "counter"> | undefined>;
  /** The JSON of PublicKeyCredentialRequestOptions. */
  challenge(identity: Identity, known: readonly PasskeyFactor[]): Promise<string>;
  /** The factor that an assertion is good for, with its counter as it is then; undefined: for none. A challenge counts once. */
  assert(
    identity: Identity,
    known: readonly PasskeyFactor[],
    assertion: string,
  ): Promise<{ readonly id: string; readonly counter: number } | undefined>;
}

/** @param endpoint The cloud's address as its users know it at the moment. */
export function createPasskeys(records: Records, endpoint: () => string, now: () => number): Passkeys {
  const rpId = () => URL.parse(endpoint())?.hostname ?? endpoint();
  const relying = () => ({
    expectedOrigin: URL.parse(endpoint())?.origin ?? endpoint(),
    expectedRPID: rpId(),
    requireUserVerification: false,
  });
  const keyOf = (identity: Identity, challenge: string) => `${principalName(identity)}/${challenge}`;

  /** Takes a challenge that was given to this principal, once. */
  async function take(identity: Identity, challenge: string): Promise<boolean> {
    const record = await records.get(space, keyOf(identity, challenge));
    if (record === undefined || record.value.length === 0) return false;
    const gone = { expected: record.version, expiresAt: now() + challengeMs };
    return records.put(space, keyOf(identity, challenge), new Uint8Array(), gone);
  }

  return {
    async registration(identity, known) {
      const options = await generateRegistrationOptions({
        rpName: "PhotonCloud",
        rpID: rpId(),
        userName: `${identity.org}/${identity.id}`,
        userDisplayName: identity.id,
        attestationType: "none",
        excludeCredentials: known.map(({ credentialId }) => ({ id: credentialId })),
        authenticatorSelection: { residentKey: "discouraged", userVerification: "preferred" },
      });
      return { options: JSON.stringify(options), challenge: options.challenge };
    },
    async register(expectedChallenge, attestation) {
      const response = parse<RegistrationResponseJSON>("attestation", attestation);
      const given = { ...relying(), response, expectedChallenge };
      const result = await verifyRegistrationResponse(given).catch(() => undefined);
      if (result?.verified !== true) return undefined;
      const { id, publicKey, counter } = result.registrationInfo.credential;
      return { credentialId: id, publicKey: Buffer.from(publicKey).toString("base64url"), counter };
    },
    async challenge(identity, known) {
      const allowCredentials = known.map(({ credentialId }) => ({ id: credentialId }));
      const options = await generateAuthenticationOptions({
        rpID: rpId(),
        allowCredentials,
        userVerification: "preferred",
      });
      const expiresAt = now() + challengeMs;
      await records.put(space, keyOf(identity, options.challenge), Uint8Array.of(1), { expected: 0, expiresAt });
      return JSON.stringify(options);
    },
    async assert(identity, known, assertion) {
      const response = parse<AuthenticationResponseJSON>("assertion", assertion);
      const factor = known.find(({ credentialId }) => credentialId === response.id);
      if (factor === undefined) return undefined;
      const publicKey = new Uint8Array(Buffer.from(factor.publicKey, "base64url"));
      const credential = { id: factor.credentialId, publicKey, counter: factor.counter };
      const expectedChallenge = (challenge: string) => take(identity, challenge);
      const given = { ...relying(), response, credential, expectedChallenge };
      const result = await verifyAuthenticationResponse(given).catch(() => undefined);
      return result?.verified === true ? { id: factor.id, counter: result.authenticationInfo.newCounter } : undefined;
    },
  };
}

/** What a browser gave, as JSON. Its members are checked by what verifies it. @throws Fault INVALID_FIELDS */
function parse<T extends { readonly id: string }>(path: string, text: string): T {
  const wrong = () => invalidField(path, "format", "it is no PublicKeyCredential in JSON");
  if (text.length > 16_384) throw wrong();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong();
  }
  if (isCredential<T>(value)) return value;
  throw wrong();
}

function isCredential<T extends { readonly id: string }>(value: unknown): value is T {
  return (
    typeof value === "object" &&
    value !== null &&
    "id" in value &&
    typeof value.id === "string" &&
    "response" in value &&
    typeof value.response === "object" &&
    value.response !== null
  );
}
