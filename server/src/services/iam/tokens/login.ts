// Who is this? Checks what a caller logs in with. Every wrong login gets the same words after the same work, whatever was wrong.

import { ProjectSchema } from "@photoncloud/proto/gen/iam/v1/project_pb";
import { ServiceAccountKeySchema } from "@photoncloud/proto/gen/iam/v1/service_account_key_pb";
import type { IssueTokenRequest } from "@photoncloud/proto/gen/iam/v1/token_pb";
import type { Clock } from "../../../clock.ts";
import { Fault, invalidField } from "../../../fault.ts";
import type { Store } from "../../../store/store.ts";
import { type Authorizer, type Call, mayAlso } from "../../call.ts";
import type { Caller, TokenLimit } from "../../kind.ts";
import type { Factors, Owner, Proof } from "../account/factors.ts";
import { accountRules } from "../account/policy.ts";
import { isSealed } from "../break-glass/state.ts";
import { hashSecret, sameHash } from "../credentials/key-secret.ts";
import { verifyPassword } from "../credentials/password.ts";
import type { Delegation } from "../policy/delegation.ts";
import { type Identity, principalName } from "../principal-name.ts";
import { isUsableKey, type PrincipalState, principalKey, principalState } from "../principals.ts";
import { referringRows } from "../referring-rows.ts";
import { noteFailedLogin } from "./failed-login.ts";
import { fingerprint } from "./fingerprint.ts";
import type { LoginLimiter } from "./login-limiter.ts";
import { enrollingOnly } from "./narrowed.ts";
import type { Credential } from "./session-record.ts";

/** Who logged in, with what. */
export interface LoggedIn {
  readonly identity: Identity;
  readonly credential: Credential;
  /** When a second factor was proved. */
  readonly mfaAt?: number;
  /** Set where the org wants a second factor and there is none yet: all that the token is good for. */
  readonly limits?: readonly TokenLimit[];
}

export interface LoginParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly limiter: LoginLimiter;
  readonly authorizer: Authorizer;
  readonly delegation: Delegation;
  readonly factors: Factors;
}

/** Who says to be whom, by which password. */
export interface PasswordLogin {
  readonly orgId: string;
  readonly principalId: string;
  readonly password: string;
}

/** What somebody tried to log in with. */
type Tried = "password" | "key";

/** A right password. It can be kept: no secret is in it. */
export interface Entered {
  readonly owner: Owner;
  /** Of the password: with another one, the login begins anew. */
  readonly fingerprint: string;
  /** Whether a second factor is still to come. */
  readonly half: boolean;
}

/** A password is right and its second factor is still to come: neither a success, which would forgive wrong codes, nor a failure. */
class HalfWay extends Error {
  readonly entered: Entered;
  constructor(entered: Entered) {
    super("the second factor is still to come");
    this.entered = entered;
  }
}

/** Longer passwords are refused when they are set. */
const longestPassword = 1_024;

export class Login {
  readonly #parts: LoginParts;

  constructor(parts: LoginParts) {
    this.#parts = parts;
  }

  /** @throws Fault BAD_CREDENTIALS, TOO_MANY_REQUESTS, PERMISSION_DENIED (an administrator without the permission), INVALID_FIELDS (no such project). */
  async check(request: IssueTokenRequest, call: Call): Promise<LoggedIn> {
    refuseMissing(request);
    const logged =
      request.credential.case === undefined ? await this.#issued(request, call) : await this.#own(request, call);
    await this.#refuseUnknownProject(request);
    return logged;
  }

  async #own(request: IssueTokenRequest, call: Call): Promise<LoggedIn> {
    const { credential, code, assertion } = request;
    const kind = credential.case === "password" ? "user" : "service_account";
    const identity: Identity = { kind, org: request.orgId, id: request.principalId };
    return this.#limited(identity, call, credential.case === "password" ? "password" : "key", async () => {
      if (credential.case === "password") return this.#byPassword(identity, credential.value, { code, assertion });
      const key = await this.#byKey(identity, credential.value ?? "");
      return key && { identity, credential: key };
    });
  }

  /** @throws Fault BAD_CREDENTIALS, TOO_MANY_REQUESTS */
  async #limited<T>(
    identity: Identity,
    caller: Caller,
    credential: Tried,
    check: () => Promise<T | undefined>,
  ): Promise<T> {
    const found = await this.#parts.limiter.attempt(caller, principalName(identity), check);
    if (found !== undefined) return found;
    await noteFailedLogin(this.#parts.store, identity, caller, credential);
    throw badCredentials();
  }

  /** The first half of a login, by a password. It is limited as a whole one is. @throws Fault BAD_CREDENTIALS, TOO_MANY_REQUESTS, INVALID_FIELDS */
  async enter({ orgId, principalId, password }: PasswordLogin, caller: Caller): Promise<Entered> {
    refuseMissing({ orgId, principalId, projectId: "" });
    const identity: Identity = { kind: "user", org: orgId, id: principalId };
    try {
      return await this.#limited(identity, caller, "password", async () => {
        const entered = await this.#enter(identity, password);
        if (entered?.half === true) throw new HalfWay(entered);
        return entered;
      });
    } catch (error) {
      if (error instanceof HalfWay) return error.entered;
      throw error;
    }
  }

  /** The second half: undefined for the factor where none is to come. @throws Fault BAD_CREDENTIALS, TOO_MANY_REQUESTS */
  async complete(entered: Entered, proof: Proof | undefined, caller: Caller): Promise<LoggedIn> {
    const { identity } = entered.owner;
    return this.#limited(identity, caller, "password", async () =>
      (await this.#isStill(entered)) ? this.#whole(entered, proof) : undefined,
    );
  }

  async #byPassword(identity: Identity, password: string, proof: Proof): Promise<LoggedIn | undefined> {
    const entered = await this.#enter(identity, password);
    const isGiven = proof.code !== "" || proof.assertion !== "";
    return entered && this.#whole(entered, isGiven ? proof : undefined);
  }

  async #enter(identity: Identity, password: string): Promise<Entered | undefined> {
    const state = await this.#passwordState(identity, password);
    if (state === undefined) return undefined;
    const owner = { identity, since: state.createdAt };
    const { factors } = await this.#parts.factors.list(owner);
    return { owner, fingerprint: fingerprint(state.secret), half: factors.length > 0 };
  }

  async #isStill({ owner, fingerprint: known }: Entered): Promise<boolean> {
    const row = await this.#parts.store.get(principalKey(owner.identity));
    const state = row && principalState("user", row);
    return state?.active === true && state.createdAt === owner.since && fingerprint(state.secret) === known;
  }

  /** @throws Fault SECOND_FACTOR_REQUIRED */
  async #whole(entered: Entered, proof: Proof | undefined): Promise<LoggedIn | undefined> {
    const { owner, half } = entered;
    const { identity } = owner;
    const credential = { method: "password", fingerprint: entered.fingerprint } as const;
    if (!half) {
      const { mfaRequired } = await accountRules(this.#parts.store, identity.org);
      return { identity, credential, ...(mfaRequired && { limits: enrollingOnly }) };
    }
    if (proof === undefined) throw secondFactorRequired();
    if (!(await this.#parts.factors.prove(owner, proof))) return undefined;
    return { identity, credential, mfaAt: this.#parts.clock.now() };
  }

  async #passwordState(identity: Identity, password: string): Promise<PrincipalState | undefined> {
    const row = await this.#parts.store.get(principalKey(identity));
    const state = row && principalState("user", row);
    const matches = await verifyPassword(state?.secret, password.length > longestPassword ? "" : password);
    return state !== undefined && matches && state.active ? state : undefined;
  }

  async #byKey(identity: Identity, secret: string): Promise<Credential | undefined> {
    const account = await this.#parts.store.get(principalKey(identity));
    const keys = await referringRows(this.#parts.store, identity, ServiceAccountKeySchema.typeName);
    const given = hashSecret(secret);
    const matching = keys.filter((key) => sameHash(key.secret, given));
    const now = this.#parts.clock.now();
    const key = matching.find((one) => isUsableKey(one, identity.id, now));
    const state = account && principalState("service_account", account);
    if (state === undefined || !state.active || key === undefined) return undefined;
    return { method: "key", keyId: key.id, fingerprint: fingerprint(key.secret) };
  }

  /** Without a credential: the caller's own token must be an administrator's, who has at least what the principal has. */
  async #issued(request: IssueTokenRequest, call: Call): Promise<LoggedIn> {
    const { principal } = call;
    if (principal === undefined) throw badCredentials();
    // What it would give is not narrowed.
    if (principal.limits !== undefined) refuseWiden();
    const permission = "iam:tokens:issue";
    const path = { org: request.orgId, project: "", type: "", id: "" };
    if (!(await mayAlso(this.#parts.authorizer, call, permission, path)))
      throw new Fault("PERMISSION_DENIED", `you do not have the permission ${permission} in org/${request.orgId}`, {
        permission,
      });
    const identity = await this.#existing(request.orgId, request.principalId);
    await this.#parts.delegation.mustOutrank(call, identity);
    return { identity, credential: { method: "issued", by: principalName(principal) } };
  }

  async #existing(org: string, id: string): Promise<Identity> {
    for (const kind of ["user", "service_account"] as const) {
      const row = await this.#parts.store.get(principalKey({ kind, org, id }));
      const state = row && principalState(kind, row);
      if (state?.active && !isSealed({ kind, org, id })) return { kind, org, id };
    }
    throw invalidField(
      "principal_id",
      "unknown_reference",
      `there is no active user or service account ${JSON.stringify(id)} in the org; create or enable it first`,
    );
  }

  async #refuseUnknownProject({ orgId, projectId }: IssueTokenRequest): Promise<void> {
    if (projectId === "") return;
    const tenant = { org: orgId, project: "" };
    const row = await this.#parts.store.get({ tenant, kind: ProjectSchema.typeName, id: projectId });
    if (row?.phase !== "live")
      throw invalidField(
        "project_id",
        "unknown_reference",
        `there is no project ${JSON.stringify(projectId)} in the org`,
      );
  }
}

/** Characters of an id; none has more. What is tried is remembered by its name, and strangers must not fill the memory. */
const longestId = 128;

function refuseMissing({
  orgId,
  principalId,
  projectId,
}: Pick<IssueTokenRequest, "orgId" | "principalId" | "projectId">) {
  for (const [path, id] of [
    ["principal_id", principalId],
    ["org_id", orgId],
    ["project_id", projectId],
  ] as const)
    if (id.length > longestId)
      throw invalidField(path, "size", `it has ${id.length} characters; no id has more than 63`);
  if (principalId === "")
    throw invalidField("principal_id", "required", "it is missing; give a user's or a service account's id");
  if (orgId === "")
    throw invalidField("org_id", "required", "it is missing; give the org that the principal belongs to");
}

function secondFactorRequired(): Fault {
  return new Fault(
    "SECOND_FACTOR_REQUIRED",
    "the account has a second factor: call again with a code of it, or with a passkey's assertion",
  );
}

function refuseWiden(): never {
  throw new Fault("PERMISSION_DENIED", "a narrowed token can't issue others; narrow it again with AttenuateToken", {
    permission: "iam:tokens:issue",
  });
}

function badCredentials(): Fault {
  return new Fault("BAD_CREDENTIALS", "the org, the principal or the credential is wrong");
}
