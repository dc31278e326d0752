// How much of each permission a policy gives at its place, and how two policies differ in it. For people who plan a change, not for decisions.
import { isExempt, type Policy } from "./policy.ts";
import type { Statement, StatementSet } from "./statements.ts";

/** Of one permission: nothing, a part of it (some resources alone, or under conditions), or all. */
type Extent = 0 | 1 | 2;

/** More are counted, not named. */
const mostNamed = 50;

export interface Gained {
  readonly gives: readonly string[];
  readonly takes: readonly string[];
}

function isWhole({ resource, conditions }: Statement): boolean {
  return resource === undefined && conditions.length === 0;
}

function denied(sets: readonly StatementSet[], permission: string): Extent {
  const denials = sets.flatMap((set) => set.speaking(permission).denials);
  return denials.some(isWhole) ? 2 : denials.length > 0 ? 1 : 0;
}

function allowed(sets: readonly StatementSet[], permission: string): Extent {
  const allowances = sets.flatMap((set) => set.speaking(permission).allowances);
  return allowances.some(isWhole) ? 2 : allowances.length > 0 ? 1 : 0;
}

function extentOf(policy: Policy, permission: string): Extent {
  const roles = policy.grants.map(({ role }) => role);
  const guards = policy.guards.map(({ guardrail }) => guardrail).filter((guardrail) => !isExempt(guardrail, policy));
  const bounds = policy.boundary && (policy.boundary.role ? [policy.boundary.role] : []);
  const mends = permission.startsWith("iam:guardrails:");
  const denial = denied([...roles, ...(mends ? [] : guards), ...(bounds ?? [])], permission);
  if (denial === 2) return 0;
  const given = Math.min(allowed(roles, permission), bounds === undefined ? 2 : allowed(bounds, permission));
  if (given === 0) return 0;
  return given === 2 && denial === 0 ? 2 : 1;
}

/** What a principal has after a change that it had not, and had before that it has no more. */
export function difference(before: Policy, after: Policy, permissions: readonly string[]): Gained {
  const gives: string[] = [];
  const takes: string[] = [];
  for (const permission of permissions) {
    const [was, is] = [extentOf(before, permission), extentOf(after, permission)];
    const told = is === 1 || (is === 0 && was === 1) ? `${permission} (in part)` : permission;
    if (is > was) gives.push(told);
    else if (is < was) takes.push(told);
  }
  return { gives: capped(gives), takes: capped(takes) };
}

function capped(names: readonly string[]): readonly string[] {
  return names.length <= mostNamed ? names : [...names.slice(0, mostNamed), `and ${names.length - mostNamed} more`];
}
