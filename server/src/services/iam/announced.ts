// Who may do what and whose sessions are good is kept in memory. A write that changes either is announced before its commit, so that checks after it
// look again: by every kind of IAM in the same way, and never by a plan.
import type { Message } from "@bufbuild/protobuf";
import { BreakGlassSchema } from "@photoncloud/proto/gen/iam/v1/break_glass_pb";
import { FederatedCredentialSchema } from "@photoncloud/proto/gen/iam/v1/federated_credential_pb";
import { ServiceAccountKeySchema } from "@photoncloud/proto/gen/iam/v1/service_account_key_pb";
import type { ResourceKey } from "../../store/store.ts";
import type { KindDefinition } from "../kind.ts";
import { sealedAdmin } from "./break-glass/state.ts";
import { policyKinds } from "./policy/scope-table.ts";
import type { Identity } from "./principal-name.ts";
import { identityOf } from "./principals.ts";

/** Who is told. */
export interface Heralds {
  /** What decides who may do what is about to have a version, or to be gone. */
  grant(key: ResourceKey, expected: number | "gone"): void;
  /** A principal, or what it logs in by, is about to change. */
  principal(identity: Identity): void;
}

/** A write that is about to be committed. `next`: undefined where it is a deletion. */
interface Write {
  readonly key: ResourceKey;
  readonly expected: number | "gone";
  readonly next: Message | undefined;
  readonly prior: Message | undefined;
}

type Announce = (write: Write, heralds: Heralds) => void;

const grant: Announce = ({ key, expected }, heralds) => heralds.grant(key, expected);

const principal: Announce = ({ key, expected, next, prior }, heralds) => {
  const identity = identityOf(key);
  if (identity !== undefined) heralds.principal(identity);
  const boundary = "permissionBoundaryRoleId";
  if (next !== undefined && textIn(next, boundary) !== textIn(prior, boundary)) heralds.grant(key, expected);
};

const accountOf: Announce = ({ key, next, prior }, heralds) => {
  const id = textIn(next ?? prior, "serviceAccountId");
  heralds.principal({ kind: "service_account", org: key.tenant.org, id });
};

const sealed: Announce = (_, heralds) => heralds.principal(sealedAdmin);

function announceOf(kind: string): Announce | undefined {
  if (kind === ServiceAccountKeySchema.typeName || kind === FederatedCredentialSchema.typeName) return accountOf;
  if (kind === BreakGlassSchema.typeName) return sealed;
  if (!policyKinds.includes(kind)) return undefined;
  return identityOf({ kind, tenant: { org: "", project: "" }, id: "" }) === undefined ? grant : principal;
}

/** The same kind, whose writes are announced once they are admitted. */
export function announced(definition: KindDefinition, heralds: Heralds): KindDefinition {
  const { typeName: kind } = definition.schema;
  const announce = announceOf(kind);
  if (announce === undefined) return definition;
  return {
    ...definition,
    async admit(admission, next, prior) {
      await definition.admit?.(admission, next, prior);
      if (admission.planning) return;
      const key = { tenant: admission.tenant, kind, id: textIn(next, "id") };
      announce({ key, expected: (prior?.version ?? 0) + 1, next, prior: prior?.message }, heralds);
    },
    async admitDelete(admission, resource) {
      await definition.admitDelete?.(admission, resource);
      if (admission.planning) return;
      const { tenant, id, message } = resource;
      announce({ key: { tenant, kind, id }, expected: "gone", next: undefined, prior: message }, heralds);
    },
  };
}

function textIn(message: Message | undefined, name: string): string {
  const value: unknown = message && Reflect.get(message, name);
  return typeof value === "string" ? value : "";
}
