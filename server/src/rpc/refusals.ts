// Refused calls become events, but nobody may flood the log with them: each principal has a budget.
import type { Clock } from "../clock.ts";
import { formatPath, type ResourcePath } from "../services/call.ts";
import type { AuditEvent } from "../services/events/index.ts";
import type { Caller, Principal } from "../services/kind.ts";

/** This many refusals at once … */
const burst = 20;
/** … and one more in each of these. */
const refillMs = 3_000;
/** Principals whose budget is remembered; the one that was refused longest ago is forgotten first. */
const mostPrincipals = 10_000;

/** Answers whether one more is within the budget of a name. */
export function createBudget(clock: Clock): (name: string) => boolean {
  const spent = new Map<string, { readonly level: number; readonly at: number }>();
  return (name) => {
    const now = clock.now();
    const last = spent.get(name) ?? { level: 0, at: now };
    const level = Math.max(0, last.level - (now - last.at) / refillMs);
    const allowed = level + 1 <= burst;
    spent.delete(name);
    spent.set(name, { level: allowed ? level + 1 : level, at: now });
    const oldest = spent.size > mostPrincipals ? spent.keys().next().value : undefined;
    if (oldest !== undefined) spent.delete(oldest);
    return allowed;
  };
}

/**
 * The event of a refusal. It stands in the log of the caller's own org, which surely exists; where the call reached for another
 * org, the event's id is the whole path that was asked for.
 */
export function refusalEvent(
  principal: Principal,
  permission: string,
  path: ResourcePath,
  kind: string,
  caller: Caller,
): AuditEvent {
  const own = path.org === principal.org;
  return {
    type: "denied",
    tenant: { org: principal.org, project: own ? path.project : "" },
    kind,
    id: own ? path.id : formatPath(path).slice(0, 512),
    caller,
    permission,
  };
}
