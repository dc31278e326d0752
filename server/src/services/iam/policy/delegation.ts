// Nobody gives what they do not have. The checks that keep a permission to write roles, bindings, users or keys from becoming every permission.
import { fromBinary } from "@bufbuild/protobuf";
import { RoleBindingSchema } from "@photoncloud/proto/gen/iam/v1/role_binding_pb";
import { Fault } from "../../../fault.ts";
import type { ResourceKey, Store, Tenant } from "../../../store/store.ts";
import { formatPath } from "../../call.ts";
import type { Caller } from "../../kind.ts";
import { type Identity, principalName } from "../principal-name.ts";
import { principalKey } from "../principals.ts";
import { compileAction } from "./action.ts";
import type { Policies } from "./authorizer.ts";
import { notHeld, notHeldWithout } from "./holding.ts";
import type { Statement } from "./statements.ts";

/** Bindings of one principal that are looked at; more than any person has. */
const mostBindings = 10_000;
const everything: Statement = {
  deny: false,
  action: compileAction("*"),
  resource: undefined,
  conditionTexts: [],
  conditions: [],
};

export interface Delegation {
  /** Whether the caller may do everything everywhere. True for the cloud itself. */
  isSystemAdmin(caller: Caller): Promise<boolean>;
  /** @throws Fault PERMISSION_DENIED unless the caller holds every one of the statements at the scope, and would without its denials. */
  mustHold(caller: Caller, scope: Tenant, gives: readonly Statement[], takesAway: readonly Statement[]): Promise<void>;
  /** @throws Fault PERMISSION_DENIED unless the caller holds all that a principal was given: so who gets its credentials gains nothing. */
  mustOutrank(caller: Caller, target: Identity): Promise<void>;
}

export function createDelegation(store: Pick<Store, "get" | "referrers">, policies: Policies): Delegation {
  async function lacks(caller: Caller, scope: Tenant, gives: readonly Statement[], takesAway: readonly Statement[]) {
    if (caller.principal === undefined) return undefined;
    const { grants: own } = await policies.of(principalName(caller.principal), scope);
    return notHeld(own, gives) ?? notHeldWithout(own, takesAway);
  }
  async function mustHold(caller: Caller, scope: Tenant, gives: readonly Statement[], takesAway: readonly Statement[]) {
    const missing = await lacks(caller, scope, gives, takesAway);
    if (missing !== undefined) throw cannotGive(missing, scope);
  }
  /** The scopes in which a principal was given a role, by the references of its bindings. */
  async function scopesOf(target: Identity): Promise<readonly Tenant[]> {
    const keys = await store.referrers(principalKey(target), mostBindings);
    const bindings = keys.filter((key) => key.kind === RoleBindingSchema.typeName);
    const live = await Promise.all(bindings.map((key) => isBindingOf(store, key, principalName(target))));
    return bindings.filter((_, index) => live[index]).map((key) => key.tenant);
  }
  return {
    isSystemAdmin: async (caller) => (await lacks(caller, { org: "", project: "" }, [everything], [])) === undefined,
    mustHold,
    async mustOutrank(caller, target) {
      if (caller.principal === undefined || principalName(caller.principal) === principalName(target)) return;
      for (const scope of distinct(await scopesOf(target))) {
        const { grants: theirs } = await policies.of(principalName(target), scope);
        await mustHold(
          caller,
          scope,
          theirs.flatMap((grant) => grant.role.statements),
          [],
        );
      }
    },
  };
}

async function isBindingOf(store: Pick<Store, "get">, key: ResourceKey, principal: string): Promise<boolean> {
  const row = await store.get(key);
  return row !== undefined && fromBinary(RoleBindingSchema, row.data).principal === principal;
}

function distinct(scopes: readonly Tenant[]): readonly Tenant[] {
  return [...new Map(scopes.map((scope) => [`${scope.org}/${scope.project}`, scope])).values()];
}

function cannotGive(missing: Statement, scope: Tenant): Fault {
  const where = formatPath({ ...scope, type: "", id: "" });
  return new Fault(
    "PERMISSION_DENIED",
    `this would give or hold ${missing.action.text} at ${where === "" ? "the system" : where}, which you do not have there yourself; ask someone who has it`,
    { permission: missing.action.text },
  );
}
