// Where a principal's row is, and what the rest of IAM needs to know of it.
import { fromBinary } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { ServiceAccountKeySchema } from "@photoncloud/proto/gen/iam/v1/service_account_key_pb";
import { ServiceAccountSchema } from "@photoncloud/proto/gen/iam/v1/service_account_pb";
import { UserSchema } from "@photoncloud/proto/gen/iam/v1/user_pb";
import type { ResourceKey, ResourceRow } from "../../store/store.ts";
import type { Identity } from "./principal-name.ts";

/** The kind of resource that a principal is. */
export function principalSchema(kind: Identity["kind"]) {
  return kind === "user" ? UserSchema : ServiceAccountSchema;
}

export function principalKey(identity: Identity): ResourceKey {
  const tenant = { org: identity.org, project: "" };
  return { tenant, kind: principalSchema(identity.kind).typeName, id: identity.id };
}

/** The principal that a row of users or service accounts is; undefined for other kinds. */
export function identityOf(key: ResourceKey): Identity | undefined {
  if (key.kind === UserSchema.typeName) return { kind: "user", org: key.tenant.org, id: key.id };
  if (key.kind === ServiceAccountSchema.typeName) return { kind: "service_account", org: key.tenant.org, id: key.id };
  return undefined;
}

/** A principal's row as the login reads it. */
export interface PrincipalState {
  readonly name: string;
  /** Neither disabled nor being deleted. */
  readonly active: boolean;
  readonly createdAt: number;
  readonly secret: Uint8Array;
}

export function principalState(kind: Identity["kind"], row: ResourceRow): PrincipalState {
  const message = kind === "user" ? fromBinary(UserSchema, row.data) : fromBinary(ServiceAccountSchema, row.data);
  return {
    name: message.name,
    active: row.phase === "live" && message.disabled !== true,
    createdAt: row.createdAt,
    secret: row.secret,
  };
}

/** Whether a service account may log in with the key of a row now. */
export function isUsableKey(row: ResourceRow, accountId: string, now: number): boolean {
  const { expireTime, serviceAccountId } = fromBinary(ServiceAccountKeySchema, row.data);
  const expired = expireTime !== undefined && timestampMs(expireTime) <= now;
  return row.phase === "live" && serviceAccountId === accountId && !expired;
}
