// A session as it is kept: who logged in, with what, until when, and which refresh token is the good one. No secret is in it.
import type { Records, ResourceKey, ServerRecord } from "../../../store/store.ts";
import type { TokenLimit } from "../../kind.ts";
import { type Identity, principalName } from "../principal-name.ts";

const space = "iam/sessions";

/** What a session was opened with; it ends when that is no longer good. */
export type Credential =
  /** `fingerprint`: of the password's hash, so that a new password ends the sessions of the old one. */
  | { readonly method: "password"; readonly fingerprint: string }
  /** `fingerprint`: of the secret's hash, so that a new secret ends the sessions of the old one. Undefined: opened before keys could be given one. */
  | { readonly method: "key"; readonly keyId: string; readonly fingerprint?: string }
  /** Opened by an administrator for another principal. */
  | { readonly method: "issued"; readonly by: string }
  /** The sealed administrator's; `by`: who opened it, `request`: with which break-glass. */
  | { readonly method: "break_glass"; readonly request: string; readonly by: string }
  /** Logged in elsewhere, which `through` (an identity provider, a trust) vouches for: it ends when that is not live any more. */
  | { readonly method: "oidc" | "exchange"; readonly through: ResourceKey };

export interface SessionRecord {
  readonly id: string;
  readonly project: string;
  readonly credential: Credential;
  readonly sourceIp: string;
  /** When the principal itself was made: one of the same id that is made later is another one. */
  readonly principalSince: number;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** When the session ends whatever happens. */
  readonly endsAt: number;
  /** When the present refresh token stops being good. */
  readonly refreshUntil: number;
  /** SHA-256 of the refresh token, in base64url. */
  readonly refreshHash: string;
  /** Those before it, the newest first: one of them coming back means that a token was stolen. */
  readonly usedHashes: readonly string[];
  /** See Principal. */
  readonly groups?: readonly string[];
  readonly mfaAt?: number;
  readonly limits?: readonly TokenLimit[];
}

/** A session that was narrowed from another lives beneath it: its id is its parent's, a dot, and its own. */
export function ancestorsOf(id: string): readonly string[] {
  const parts = id.split(".");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("."));
}

/** Whether a session is the other one, or was narrowed from it. */
export function isWithin(id: string, other: string): boolean {
  return id === other || id.startsWith(`${other}.`);
}

/** How a session was begun, for the log: "password+second_factor", "key:key-…", "oidc:okta+attenuated". */
export function credentialText({ id, credential, mfaAt }: Pick<SessionRecord, "id" | "credential" | "mfaAt">): string {
  const proved = mfaAt === undefined ? "" : "+second_factor";
  return `${originText(credential)}${proved}${ancestorsOf(id).length > 0 ? "+attenuated" : ""}`;
}

function originText(credential: Credential): string {
  switch (credential.method) {
    case "password":
      return "password";
    case "key":
      return `key:${credential.keyId}`;
    case "issued":
      return `issued:${credential.by}`;
    case "break_glass":
      return `break_glass:${credential.request}`;
    case "oidc":
    case "exchange":
      return `${credential.method}:${credential.through.id}`;
  }
}

export interface KeptSession {
  readonly session: SessionRecord;
  readonly version: number;
}

/** The list of sessions, by principal. */
export class SessionRecords {
  readonly #records: Records;

  constructor(records: Records) {
    this.#records = records;
  }

  async get(identity: Identity, id: string): Promise<KeptSession | undefined> {
    const record = await this.#records.get(space, keyOf(identity, id));
    return record && { session: parse(record), version: record.version };
  }

  async list(identity: Identity): Promise<readonly SessionRecord[]> {
    return (await this.#records.list(space, keyOf(identity, ""))).map(parse);
  }

  /** Answers whether the session was still as `expected` (0: new). */
  put(identity: Identity, session: SessionRecord, expected: number): Promise<boolean> {
    const value = new TextEncoder().encode(JSON.stringify(session));
    return this.#records.put(space, keyOf(identity, session.id), value, { expected, expiresAt: session.refreshUntil });
  }

  delete(identity: Identity, id: string): Promise<void> {
    return this.#records.delete(space, keyOf(identity, id));
  }
}

function keyOf(identity: Identity, id: string): string {
  return `${principalName(identity)}/${id}`;
}

function parse(record: ServerRecord): SessionRecord {
  return JSON.parse(new TextDecoder().decode(record.value));
}
