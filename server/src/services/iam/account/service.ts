// iam.v1.IamAccountService: what users do with their own accounts.
import { create, type DescMessage, isMessage, type Message, type MessageShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Catalog, fieldsOf, validate } from "@photoncloud/proto";
import {
  ChangePasswordRequestSchema,
  ConfirmFactorResponseSchema,
  ConfirmPasskeyRequestSchema,
  ConfirmTotpRequestSchema,
  EnrollPasskeyRequestSchema,
  EnrollPasskeyResponseSchema,
  EnrollTotpRequestSchema,
  EnrollTotpResponseSchema,
  FactorKind,
  FactorSchema,
  IamAccountService,
  ListFactorsRequestSchema,
  ListFactorsResponseSchema,
  ProveSecondFactorRequestSchema,
  ProveSecondFactorResponseSchema,
  RemoveFactorRequestSchema,
  RemoveFactorResponseSchema,
  RenewRecoveryCodesRequestSchema,
  RenewRecoveryCodesResponseSchema,
  ResetFactorsRequestSchema,
  ResetFactorsResponseSchema,
  StartSecondFactorRequestSchema,
  StartSecondFactorResponseSchema,
} from "@photoncloud/proto/gen/iam/v1/account_pb";
import { Fault, invalidField } from "../../../fault.ts";
import type { Store } from "../../../store/store.ts";
import type { Call, ResourceCalls, ServiceHandlers } from "../../call.ts";
import type { Principal } from "../../kind.ts";
import { refuse } from "../../resources/mutate.ts";
import type { Delegation } from "../policy/delegation.ts";
import { type Identity, principalName } from "../principal-name.ts";
import { principalKey } from "../principals.ts";
import { unauthenticated } from "../tokens/access-token.ts";
import type { Login } from "../tokens/login.ts";
import type { LoginLimiter } from "../tokens/login-limiter.ts";
import { refuseNarrowed } from "../tokens/narrowed.ts";
import type { SessionLife } from "../tokens/session-life.ts";
import { tokensMessage } from "../tokens/token-service.ts";
import { noteFactor } from "./factor-event.ts";
import type { StoredFactor } from "./factor-store.ts";
import { confirmed } from "./factor-store.ts";
import type { Owner } from "./factors.ts";
import { type FreshParts, freshMs, mustBeFresh } from "./fresh.ts";
import { changePassword } from "./password.ts";

export interface AccountParts extends FreshParts {
  readonly store: Pick<Store, "get" | "transact">;
  readonly login: Login;
  readonly limiter: LoginLimiter;
  readonly life: SessionLife;
  readonly delegation: Delegation;
  readonly catalog: Catalog;
  /** The generic handler, which is made after IAM. */
  readonly resources: () => ResourceCalls;
}

export function accountService(parts: AccountParts): ServiceHandlers {
  return {
    service: IamAccountService,
    methods: {
      ChangePassword: async (request, call) => {
        const { oldPassword, newPassword } = as(ChangePasswordRequestSchema, request);
        const owner = await ownerOf(parts, call, "iam:passwords:change");
        return tokensMessage(await changePassword(parts, owner, { oldPassword, newPassword }, call));
      },
      StartSecondFactor: (request, call) => start(parts, request, call),
      ProveSecondFactor: (request, call) => prove(parts, request, call),
      EnrollTotp: async (request, call) => {
        const owner = await enrolling(parts, call);
        const { id, ...shown } = await parts.factors.enrollTotp(owner, as(EnrollTotpRequestSchema, request).name);
        await noteFactor(parts.store, "created", owner.identity, id, call);
        return create(EnrollTotpResponseSchema, { factorId: id, ...shown });
      },
      ConfirmTotp: (request, call) => {
        const { factorId, code } = as(ConfirmTotpRequestSchema, request);
        return confirm(parts, call, (owner) => parts.factors.confirmTotp(owner, factorId, code));
      },
      EnrollPasskey: async (request, call) => {
        const owner = await enrolling(parts, call);
        const { id, options } = await parts.factors.enrollPasskey(owner, as(EnrollPasskeyRequestSchema, request).name);
        await noteFactor(parts.store, "created", owner.identity, id, call);
        return create(EnrollPasskeyResponseSchema, { factorId: id, options });
      },
      ConfirmPasskey: (request, call) => {
        const { factorId, attestation } = as(ConfirmPasskeyRequestSchema, request);
        return confirm(parts, call, (owner) => parts.factors.confirmPasskey(owner, factorId, attestation));
      },
      ListFactors: (request, call) => list(parts, request, call),
      RemoveFactor: async (request, call) => {
        const owner = await fresh(parts, call, "iam:factors:remove");
        const { factorId } = as(RemoveFactorRequestSchema, request);
        await parts.factors.remove(owner, factorId);
        await noteFactor(parts.store, "deleted", owner.identity, factorId, call);
        return create(RemoveFactorResponseSchema);
      },
      RenewRecoveryCodes: async (request, call) => {
        as(RenewRecoveryCodesRequestSchema, request);
        const owner = await fresh(parts, call, "iam:factors:renew");
        const recoveryCodes = [...(await parts.factors.renewRecoveryCodes(owner))];
        await noteFactor(parts.store, "updated", owner.identity, "recovery-codes", call);
        return create(RenewRecoveryCodesResponseSchema, { recoveryCodes });
      },
      ResetFactors: (request, call) => reset(parts, request, call),
    },
  };
}

/** @throws Fault MALFORMED_REQUEST, INVALID_FIELDS */
function as<Desc extends DescMessage>(schema: Desc, request: Message): MessageShape<Desc> {
  if (!isMessage(request, schema)) throw new Fault("MALFORMED_REQUEST", "the request is not the method's own");
  refuse(validate(fieldsOf(schema), request));
  return request;
}

function callerOf(call: Call): Principal {
  if (call.principal === undefined) throw unauthenticated();
  return call.principal;
}

/** The caller's own account, where its token may do this with it. */
async function ownerOf(parts: AccountParts, call: Call, action: string): Promise<Owner> {
  const caller = callerOf(call);
  refuseNarrowed(caller, action);
  if (caller.kind !== "user")
    throw new Fault("WRONG_STATE", "a service account logs in with keys; passwords and second factors are for users");
  return ownerNamed(parts, caller);
}

async function ownerNamed(parts: AccountParts, identity: Identity): Promise<Owner> {
  const row = await parts.store.get(principalKey(identity));
  if (row === undefined) throw unauthenticated();
  return { identity, since: row.createdAt };
}

async function fresh(parts: AccountParts, call: Call, action: string): Promise<Owner> {
  const owner = await ownerOf(parts, call, action);
  await mustBeFresh(parts, callerOf(call));
  return owner;
}

/** Whoever has a second factor proves it before there is another: a stolen session must not add a thief's. */
function enrolling(parts: AccountParts, call: Call): Promise<Owner> {
  return fresh(parts, call, "iam:factors:enroll");
}

async function start(parts: AccountParts, request: Message, call: Call): Promise<Message> {
  const { orgId, principalId, password } = as(StartSecondFactorRequestSchema, request);
  const { owner } = await parts.login.enter({ orgId, principalId, password }, call);
  const { factors, recovery } = await parts.factors.list(owner);
  const kinds = new Set(factors.map(kindOf));
  if (recovery.length > 0) kinds.add(FactorKind.RECOVERY_CODE);
  const passkeyOptions = await parts.factors.challenge(owner);
  return create(StartSecondFactorResponseSchema, { kinds: [...kinds], passkeyOptions });
}

async function prove(parts: AccountParts, request: Message, call: Call): Promise<Message> {
  const proof = as(ProveSecondFactorRequestSchema, request);
  const owner = await ownerOf(parts, call, "iam:factors:prove");
  if ((await parts.factors.list(owner)).factors.length === 0)
    throw new Fault("WRONG_STATE", "this account has no second factor to prove; enrol one first (photon mfa enroll)");
  if (proof.code === "" && proof.assertion === "")
    return create(ProveSecondFactorResponseSchema, { passkeyOptions: await parts.factors.challenge(owner) });
  await limited(parts, call, owner, () => parts.factors.prove(owner, proof));
  await noteFactor(parts.store, "updated", owner.identity, "proved", call);
  const { sessionId } = callerOf(call);
  const provedAt = await parts.life.proved(owner.identity, sessionId);
  return create(ProveSecondFactorResponseSchema, { freshUntil: timestampFromMs(provedAt + freshMs) });
}

/** Slows guessing down. @throws Fault BAD_CREDENTIALS, TOO_MANY_REQUESTS */
async function limited(parts: AccountParts, call: Call, { identity }: Owner, check: () => Promise<boolean>) {
  const name = `${principalName(identity)} factor`;
  const good = await parts.limiter.attempt(call, name, async () => ((await check()) ? true : undefined));
  if (good !== undefined) return;
  await noteFactor(parts.store, "login_failed", identity, "proved", call);
  throw new Fault("BAD_CREDENTIALS", "the second factor is wrong, or was used before");
}

async function confirm(
  parts: AccountParts,
  call: Call,
  work: (owner: Owner) => Promise<{ readonly factor: StoredFactor; readonly codes: readonly string[] }>,
): Promise<Message> {
  const owner = await ownerOf(parts, call, "iam:factors:enroll");
  const name = `${principalName(owner.identity)} factor`;
  let wrong: unknown;
  const done = await parts.limiter.attempt(call, name, () =>
    work(owner).catch((error: unknown) => {
      if (!(error instanceof Fault && error.reason === "INVALID_FIELDS")) throw error;
      wrong = error;
      return undefined;
    }),
  );
  if (done === undefined) throw wrong;
  await noteFactor(parts.store, "updated", owner.identity, done.factor.id, call);
  // Its holder has just shown it.
  if (callerOf(call).limits === undefined) await parts.life.proved(owner.identity, callerOf(call).sessionId);
  return create(ConfirmFactorResponseSchema, { factor: shown(done.factor), recoveryCodes: [...done.codes] });
}

async function list(parts: AccountParts, request: Message, call: Call): Promise<Message> {
  as(ListFactorsRequestSchema, request);
  const owner = await ownerOf(parts, call, "iam:factors:list");
  const { factors, recovery } = await parts.factors.list(owner);
  const message = { factors: confirmed(factors).map(shown), recoveryCodesLeft: recovery.length };
  return create(ListFactorsResponseSchema, message);
}

async function reset(parts: AccountParts, request: Message, call: Call): Promise<Message> {
  const { orgId, principalId } = as(ResetFactorsRequestSchema, request);
  const identity: Identity = { kind: "user", org: orgId, id: principalId };
  const row = await parts.store.get(principalKey(identity));
  if (row === undefined)
    throw invalidField(
      "principal_id",
      "unknown_reference",
      `there is no user ${JSON.stringify(principalId)} in the org`,
    );
  await parts.delegation.mustOutrank(call, identity);
  await mustBeFresh(parts, callerOf(call));
  await parts.factors.reset({ identity, since: row.createdAt });
  await noteFactor(parts.store, "deleted", identity, "all", call);
  await parts.life.endAll(identity, call);
  return create(ResetFactorsResponseSchema);
}

function kindOf(factor: StoredFactor): FactorKind {
  return factor.kind === "totp" ? FactorKind.TOTP : FactorKind.PASSKEY;
}

function shown(factor: StoredFactor) {
  return create(FactorSchema, {
    id: factor.id,
    kind: kindOf(factor),
    name: factor.name,
    createTime: timestampFromMs(factor.createdAt),
    ...(factor.usedAt > 0 && { lastUsedTime: timestampFromMs(factor.usedAt) }),
  });
}
