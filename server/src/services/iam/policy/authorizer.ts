// May they? Collects what speaks of a principal along System → Org → Project and has it decided.
import type { Clock } from "../../../clock.ts";
import { Fault } from "../../../fault.ts";
import type { Tenant } from "../../../store/store.ts";
import type { Authorizer, Decision, ResourcePath } from "../../call.ts";
import type { Principal } from "../../kind.ts";
import type { Identity } from "../principal-name.ts";
import { conditionContext } from "./condition-context.ts";
import { decide, type Question } from "./decide.ts";
import type { Follower } from "./follower.ts";
import type { Policy } from "./policy.ts";
import type { ScopeIndex } from "./scope-index.ts";
import type { Uses } from "./uses.ts";
import { policyFor, type View } from "./view.ts";

/** The index, kept fresh. Where it can't be, asking it fails, and nobody may do anything. */
export interface Policies {
  /** @throws Fault STORE_UNAVAILABLE */
  view(path: Tenant, home: string): View | Promise<View>;
}

export function freshPolicies(index: ScopeIndex, follower: Follower): Policies {
  const read = async (waiting: Promise<unknown>, path: Tenant, home: string) => {
    try {
      await waiting;
      return await index.view(path, home);
    } catch (cause) {
      throw new Fault("STORE_UNAVAILABLE", "permissions can't be read at the moment; try again", { cause });
    }
  };
  return {
    view(path, home) {
      const waiting = follower.fresh();
      if (waiting !== undefined) return read(waiting, path, home);
      const view = index.view(path, home);
      return view instanceof Promise ? read(view, path, home) : view;
    },
  };
}

/** All that speaks of a principal at a place. */
export async function policyAt(
  policies: Policies,
  principal: Identity & { readonly groups?: readonly string[] },
  path: Tenant,
): Promise<Policy> {
  return policyFor(await policies.view(path, principal.org), principal);
}

export function createAuthorizer(policies: Policies, clock: Clock, uses?: Pick<Uses, "note">): Authorizer {
  return {
    async authorize(principal, permission, path, asked) {
      if (!reaches(principal, path)) return outOfReach(principal);
      const known = policies.view(path, principal.org);
      const policy = policyFor(known instanceof Promise ? await known : known, principal);
      const deciding = decide(policy, questionOf(policy, principal, permission, path, asked, clock));
      const decision = deciding instanceof Promise ? await deciding : deciding;
      if (asked.method !== undefined && decision.allowed) uses?.note(policy.principal, permission, decision);
      return decision;
    },
  };
}

/** What is asked of a principal's policy. */
export function questionOf(
  policy: Policy,
  principal: Principal,
  action: string,
  path: ResourcePath,
  { sourceIp, attributes, method }: Parameters<Authorizer["authorize"]>[3],
  clock: Clock,
): Question {
  return {
    action,
    path,
    limits: principal.limits,
    context: async () => {
      const seen = { principal, groups: policy.groups, path, sourceIp, method, now: clock.now() };
      return conditionContext({ ...seen, attributes: await attributes() });
    },
  };
}

/** A token for a project is worth nothing outside of it, whatever its principal may do with another token. */
export function reaches(principal: Principal, path: ResourcePath): boolean {
  return principal.project === "" || (path.org === principal.org && path.project === principal.project);
}

function outOfReach(principal: Principal): Decision {
  return {
    allowed: false,
    explanation: `The token is for the project ${principal.project} of ${principal.org} alone; log in without a project, or for the one that you mean.`,
    roleId: "",
    roleBindingId: "",
    by: "project",
  };
}
