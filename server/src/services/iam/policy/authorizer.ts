// May they? Collects what speaks of a principal along System → Org → Project and has it decided.
import type { Clock } from "../../../clock.ts";
import type { Authorizer, Decision, ResourcePath } from "../../call.ts";
import type { Principal } from "../../kind.ts";
import { conditionContext } from "./condition-context.ts";
import { decide, type Question } from "./decide.ts";
import type { Policies } from "./policies.ts";
import type { Policy } from "./policy.ts";
import type { Uses } from "./uses.ts";

export function createAuthorizer(policies: Policies, clock: Clock, uses?: Pick<Uses, "note">): Authorizer {
  return {
    async authorize(principal, permission, path, asked) {
      if (!reaches(principal, path)) return outOfReach(principal);
      const known = policies.of(principal, path);
      const policy = known instanceof Promise ? await known : known;
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
