// What a narrowed token may do with its holder's own account, where no permission is asked for.
import { Fault } from "../../../fault.ts";
import type { Principal, TokenLimit } from "../../kind.ts";
import { outside } from "../policy/limits.ts";

/** What a token is good for that was given to enrol a second factor. */
export const enrollingOnly: readonly TokenLimit[] = [{ actions: ["iam:factors:enroll"] }];

/** @throws Fault PERMISSION_DENIED where a token was narrowed to something else. */
export function refuseNarrowed(principal: Principal, action: string): void {
  const path = { org: principal.org, project: "", type: principal.kind, id: principal.id };
  if (outside(principal.limits, { action, path }) === undefined) return;
  throw new Fault("PERMISSION_DENIED", `the token was narrowed, and does not allow ${action}`, { permission: action });
}
