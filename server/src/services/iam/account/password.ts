// Changing one's own password: the old one is asked for, every session ends, and the caller gets a new one.
import { create } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import type { Catalog } from "@photoncloud/proto";
import { UpdateUserRequestSchema, UserSchema } from "@photoncloud/proto/gen/iam/v1/user_pb";
import { Fault } from "../../../fault.ts";
import type { Store } from "../../../store/store.ts";
import type { Call, ResourceCalls } from "../../call.ts";
import { principalKey } from "../principals.ts";
import { fingerprint } from "../tokens/fingerprint.ts";
import type { Login } from "../tokens/login.ts";
import type { SessionLife, Tokens } from "../tokens/session-life.ts";
import type { Owner } from "./factors.ts";
import { ownPasswordMethod } from "./own-password.ts";

export interface PasswordParts {
  readonly store: Pick<Store, "get">;
  readonly login: Login;
  readonly life: SessionLife;
  readonly catalog: Catalog;
  readonly resources: () => ResourceCalls;
}

/** @throws Fault BAD_CREDENTIALS (the old one), TOO_MANY_REQUESTS, INVALID_FIELDS (the new one) */
export async function changePassword(
  parts: PasswordParts,
  { identity }: Owner,
  { oldPassword, newPassword }: { readonly oldPassword: string; readonly newPassword: string },
  call: Call,
): Promise<Tokens> {
  await parts.login.enter({ orgId: identity.org, principalId: identity.id, password: oldPassword }, call);
  await setPassword(parts, identity, newPassword, call);
  const row = await parts.store.get(principalKey(identity));
  if (row === undefined || call.principal === undefined) throw new Fault("NOT_FOUND", "the user is gone");
  await parts.life.endAll(identity, call);
  const { project, groups, mfaAt, limits } = call.principal;
  const kept = { ...(groups && { groups }), ...(mfaAt !== undefined && { mfaAt }), ...(limits && { limits }) };
  const credential = { method: "password", fingerprint: fingerprint(row.secret) } as const;
  return parts.life.begin({ identity, credential, project, ...kept }, call);
}

async function setPassword(parts: PasswordParts, { org, id }: Owner["identity"], password: string, call: Call) {
  const kind = parts.catalog.byTypeName(UserSchema.typeName);
  if (kind === undefined) throw new Error("the catalog lacks users");
  const request = create(UpdateUserRequestSchema, {
    orgId: org,
    id,
    user: create(UserSchema, { password }),
    updateMask: create(FieldMaskSchema, { paths: ["password"] }),
  });
  const { reached: _, ...own } = call;
  await parts
    .resources()
    .unary(kind, "update", request, { ...own, method: ownPasswordMethod, idempotencyKey: "", waitMs: 0 })
    .catch((error: unknown) => {
      throw renamed(error);
    });
}

/** The same fault, about the field that this request calls so. */
function renamed(error: unknown): unknown {
  if (!(error instanceof Fault) || error.reason !== "INVALID_FIELDS") return error;
  const violations = (error.details.violations ?? []).map((one) => ({
    ...one,
    path: one.path.replace(/^(user\.)?password$/, "new_password"),
  }));
  return new Fault(error.reason, error.message.replace(/^(user\.)?password:/, "new_password:"), { violations });
}
