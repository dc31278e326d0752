// May they? Collects a principal's grants along System → Org → Project and has them decided.
import type { Clock } from "../../../clock.ts";
import { Fault } from "../../../fault.ts";
import type { Tenant } from "../../../store/store.ts";
import type { Authorizer, Decision, ResourcePath } from "../../call.ts";
import type { Principal } from "../../kind.ts";
import { principalName } from "../principal-name.ts";
import type { ConditionContext } from "./condition.ts";
import { decide } from "./decide.ts";
import type { Follower } from "./follower.ts";
import type { Policy } from "./policy.ts";
import type { ScopeIndex } from "./scope-index.ts";

/** The index, kept fresh. Where it can't be, asking it fails, and nobody may do anything. */
export interface Policies {
  /** @throws Fault STORE_UNAVAILABLE */
  of(principal: string, path: { readonly org: string; readonly project: string }): Policy | Promise<Policy>;
}

export function freshPolicies(index: ScopeIndex, follower: Follower): Policies {
  const read = async (waiting: Promise<unknown>, principal: string, path: Tenant) => {
    try {
      await waiting;
      return await index.policy(principal, path);
    } catch (cause) {
      throw new Fault("STORE_UNAVAILABLE", "permissions can't be read at the moment; try again", { cause });
    }
  };
  return {
    of(principal, path) {
      const waiting = follower.fresh();
      if (waiting !== undefined) return read(waiting, principal, path);
      const policy = index.policy(principal, path);
      return policy instanceof Promise ? read(policy, principal, path) : policy;
    },
  };
}

export function createAuthorizer(policies: Policies, clock: Clock): Authorizer {
  return {
    async authorize(principal, permission, path, { sourceIp, attributes }) {
      if (!reaches(principal, path)) return outOfReach(principal);
      const name = principalName(principal);
      const known = policies.of(name, path);
      const policy = known instanceof Promise ? await known : known;
      return decide(policy, {
        principal: name,
        action: permission,
        path,
        context: async () => contextOf(principal, path, await attributes(), clock.now(), sourceIp),
      });
    },
  };
}

/** A token for a project is worth nothing outside of it, whatever its principal may do with another token. */
function reaches(principal: Principal, path: ResourcePath): boolean {
  return principal.project === "" || (path.org === principal.org && path.project === principal.project);
}

function outOfReach(principal: Principal): Decision {
  return {
    allowed: false,
    explanation: `The token is for the project ${principal.project} of ${principal.org} alone; log in without a project, or for the one that you mean.`,
    roleId: "",
    roleBindingId: "",
  };
}

/** The attributes "labels.env" show as resource.labels.env; the path's own parts can't be overwritten. */
function contextOf(
  principal: Principal,
  path: ResourcePath,
  attributes: Readonly<Record<string, string>>,
  now: number,
  sourceIp: string,
): ConditionContext {
  const labels: [string, string][] = [];
  const own: [string, unknown][] = [];
  for (const [name, value] of Object.entries(attributes))
    if (name.startsWith("labels.")) labels.push([name.slice("labels.".length), value]);
    else own.push([name, value]);
  const { org, project, type, id } = path;
  return {
    principal: { id: principal.id, kind: principal.kind, org_id: principal.org, project_id: principal.project },
    resource: {
      ...Object.fromEntries(own),
      labels: Object.fromEntries(labels),
      org_id: org,
      project_id: project,
      type,
      id,
    },
    request: { time: new Date(now), source_ip: sourceIp },
  };
}
