// What a caller is told who may not, and the event of it. Nobody may flood the log with them: each principal has a budget.
import type { Clock } from "../clock.ts";
import { Fault } from "../fault.ts";
import { formatPath, type ResourcePath } from "../services/call.ts";
import type { AuditEvent } from "../services/events/index.ts";
import type { Caller, Principal } from "../services/kind.ts";
import { actorOf } from "../services/resources/work.ts";
import type { EdgeParts } from "./parts.ts";

/** This many refusals at once … */
const burst = 20;
/** … and one more in each of these. */
const refillMs = 3_000;
/** Principals whose budget is remembered; the one that was refused longest ago is forgotten first. */
const mostPrincipals = 10_000;

/** What was missing, where, to whom. */
export interface Refusal {
  readonly permission: string;
  readonly path: ResourcePath;
  /** The kind's full name; "" for what is no resource. */
  readonly kind: string;
  /** With what refused it, in a word. */
  readonly caller: Caller & { readonly principal: Principal };
}

export interface Refusals {
  /** Writes a refusal to the event log, as far as its principal's budget goes. Where that fails, the caller is refused all the same. */
  record(refusal: Refusal): Promise<void>;
}

export function createRefusals({
  audit,
  clock,
  metrics,
  log,
}: Pick<EdgeParts, "audit" | "clock" | "metrics" | "log">): Refusals {
  const withinBudget = createBudget(clock);
  return {
    async record(refusal) {
      if (!withinBudget(actorOf(refusal.caller.principal))) return metrics.refusalDropped();
      await audit(refusalEvent(refusal)).catch((err: unknown) =>
        log.error({ err, request_id: refusal.caller.requestId }, "a refusal could not be written to the event log"),
      );
    },
  };
}

/** What the work itself has refused, in its own words: what was missing, if it says so, and what refused it. Undefined: it refused nothing. */
export function denialIn(error: unknown): { readonly permission?: string; readonly by: string } | undefined {
  if (!(error instanceof Fault) || error.reason !== "PERMISSION_DENIED") return undefined;
  const { permission, decidedBy: by = "method" } = error.details;
  return { ...(permission !== undefined && { permission }), by };
}

/** What a caller should know of its token where it was refused. */
function boundOf({ project, limits = [] }: Principal): string {
  if (project !== "") return ` (its token is for the project ${project} alone)`;
  return limits.length === 0 ? "" : " (its token is narrowed)";
}

/** The refusal for its caller: says only what the caller said and what was missing. */
export function permissionDenied(principal: Principal, permission: string, path: ResourcePath): Fault {
  const where = formatPath(path) || "the whole system";
  return new Fault(
    "PERMISSION_DENIED",
    `${actorOf(principal)} does not have the permission ${permission} on ${where}${boundOf(principal)}`,
    { permission },
  );
}

/** Answers whether one more is within the budget of a name. */
function createBudget(clock: Clock): (name: string) => boolean {
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
function refusalEvent({ permission, path, kind, caller }: Refusal): AuditEvent {
  const { principal } = caller;
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
