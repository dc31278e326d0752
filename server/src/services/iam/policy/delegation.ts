// Nobody gives what they do not have. The checks that keep a permission to write roles, bindings, groups, users or keys from becoming every permission.
import { GuardrailSchema } from "@photoncloud/proto/gen/iam/v1/guardrail_pb";
import { RoleBindingSchema } from "@photoncloud/proto/gen/iam/v1/role_binding_pb";
import { Fault } from "../../../fault.ts";
import type { Store, Tenant } from "../../../store/store.ts";
import { formatPath } from "../../call.ts";
import type { Caller } from "../../kind.ts";
import { type Identity, principalName } from "../principal-name.ts";
import { compileAction } from "./action.ts";
import { scopesNaming } from "./holders.ts";
import { notHeld, notHeldWithout } from "./holding.ts";
import type { Asking, Policies } from "./policies.ts";
import { isExempt, type Policy } from "./policy.ts";
import type { Statement } from "./statements.ts";
import { grantOf, policyFor } from "./view.ts";

const system: Tenant = { org: "", project: "" };

function allowing(action: string): Statement {
  return { deny: false, action: compileAction(action), resource: undefined, conditionTexts: [], conditions: [] };
}

const everything = allowing("*");
/** Who may write guardrails may exempt from them. */
const exempting = allowing("iam:guardrails:update");

export interface Delegation {
  /** Whether the caller may do everything everywhere. True for the cloud itself. */
  isSystemAdmin(caller: Caller): Promise<boolean>;
  /** @throws Fault PERMISSION_DENIED unless the caller holds every one of the statements at the scope, and would without its denials. */
  mustHold(caller: Caller, scope: Tenant, gives: readonly Statement[], takesAway: readonly Statement[]): Promise<void>;
  /** @throws Fault PERMISSION_DENIED unless the caller holds all that a principal was given: so who gets its credentials gains nothing. */
  mustOutrank(caller: Caller, target: Identity): Promise<void>;
  /** @throws Fault PERMISSION_DENIED unless the caller holds all that a group, as "group:acme-corp/operators", is given: so who is put into it gets nothing that the caller lacks. */
  mustHoldGroup(caller: Caller, group: string): Promise<void>;
  /** @throws Fault PERMISSION_DENIED unless the caller would have, without the group's denials, what they deny: so nobody slips out of them. */
  mayLeaveGroup(caller: Caller, group: string): Promise<void>;
}

export function createDelegation(store: Pick<Store, "referrers">, policies: Policies): Delegation {
  return new Checks(store, policies);
}

class Checks implements Delegation {
  readonly #store: Pick<Store, "referrers">;
  readonly #policies: Policies;

  constructor(store: Pick<Store, "referrers">, policies: Policies) {
    this.#store = store;
    this.#policies = policies;
  }

  /** All that speaks of somebody at a scope that the cloud itself names. */
  async #policyAt(principal: Asking, scope: Tenant): Promise<Policy> {
    return policyFor(await this.#policies.view(scope, principal.org), principal);
  }

  async #lacks(caller: Caller, scope: Tenant, gives: readonly Statement[], takesAway: readonly Statement[]) {
    const { principal } = caller;
    if (principal === undefined) return undefined;
    const policy = await this.#policyAt(principal, scope);
    const holdings = { ...policy, limits: principal.limits };
    return notHeld(holdings, gives) ?? notHeldWithout(holdings, takesAway);
  }

  async isSystemAdmin(caller: Caller): Promise<boolean> {
    return (await this.#lacks(caller, system, [everything], [])) === undefined;
  }

  async mustHold(caller: Caller, scope: Tenant, gives: readonly Statement[], takesAway: readonly Statement[]) {
    const missing = await this.#lacks(caller, scope, gives, takesAway);
    if (missing !== undefined) throw cannotGive(missing, scope);
  }

  async mustOutrank(caller: Caller, target: Identity): Promise<void> {
    const name = principalName(target);
    if (caller.principal === undefined || principalName(caller.principal) === name) return;
    const home = { org: target.org, project: "" };
    const { groups } = await this.#policyAt(target, home);
    for (const scope of await this.#scopesOf([name, ...groups])) {
      const { grants } = await this.#policyAt(target, scope);
      await this.mustHold(
        caller,
        scope,
        grants.flatMap((grant) => grant.role.statements),
        [],
      );
    }
    for (const one of [name, ...groups]) await this.#mustShareExemptions(caller, one);
  }

  async mustHoldGroup(caller: Caller, group: string): Promise<void> {
    if (caller.principal === undefined) return;
    for (const scope of await this.#scopesOf([group]))
      await this.mustHold(caller, scope, await this.#givenTo(group, scope), []);
    await this.#mustShareExemptions(caller, group);
  }

  async mayLeaveGroup(caller: Caller, group: string): Promise<void> {
    if (caller.principal === undefined) return;
    for (const scope of await this.#scopesOf([group]))
      await this.mustHold(caller, scope, [], await this.#givenTo(group, scope));
  }

  /** What the bindings of one scope give to a group. */
  async #givenTo(group: string, scope: Tenant): Promise<readonly Statement[]> {
    const { levels } = await this.#policies.view(scope, scope.org);
    const bound = levels[0]?.table.bindingsOf(group) ?? [];
    return bound.flatMap((one) => grantOf(levels, 0, one, group)?.role.statements ?? []);
  }

  /** An exemption is worth having, too: only who has it, or may write the guardrail, brings others into it. */
  async #mustShareExemptions(caller: Caller, holder: string): Promise<void> {
    const { principal } = caller;
    if (principal === undefined) return;
    for (const scope of await scopesNaming(this.#store, holder, GuardrailSchema.typeName)) {
      const mine = await this.#policyAt(principal, scope);
      const lacking = mine.guards.some(({ guardrail }) => guardrail.exempt.has(holder) && !isExempt(guardrail, mine));
      if (lacking) await this.mustHold(caller, scope, [exempting], []);
    }
  }

  /** The scopes in which any of them was given a role, by the references of their bindings. */
  async #scopesOf(holders: readonly string[]): Promise<readonly Tenant[]> {
    const found = await Promise.all(
      holders.map((holder) => scopesNaming(this.#store, holder, RoleBindingSchema.typeName)),
    );
    return [...new Map(found.flat().map((scope) => [`${scope.org}/${scope.project}`, scope])).values()];
  }
}

function cannotGive(missing: Statement, scope: Tenant): Fault {
  const where = formatPath({ ...scope, type: "", id: "" });
  return new Fault(
    "PERMISSION_DENIED",
    `this would give or hold ${missing.action.text} at ${where === "" ? "the system" : where}, which you do not have there yourself; ask someone who has it`,
    { permission: missing.action.text, decidedBy: "delegation" },
  );
}
