// Quotas as callers hear of them: what the store calls a limit of a measure, by the dimension's name and the scope's path.
import { Fault } from "../../fault.ts";
import type { LimitUse, Tenant } from "../../store/store.ts";
import { formatPath } from "../call.ts";
import type { Caller } from "../kind.ts";
import type { Slice, Slices } from "./slices.ts";
import { isWithin } from "./tenancy.ts";

const readsUsage = "credits:usage:get";

/** "vms" of a kind; an amount is called the same everywhere. */
export function dimensionOf(slices: Slices, measure: string): string {
  return slices.catalog.byTypeName(measure)?.plural ?? measure;
}

export function scopePath(scope: Tenant): string {
  return formatPath({ ...scope, type: "", id: "" });
}

/** What an org uses is told within a project of it to those alone who may read it: it tells of the other projects. */
export async function mayKnowUse({ scope }: LimitUse, from: Tenant, caller: Caller): Promise<boolean> {
  if (isWithin(scope, from)) return true;
  return (await caller.may?.(readsUsage, { ...scope, type: "", id: "" })) ?? true;
}

/** @param slice of what is asked for, so that the field is named that asks for more */
export function overQuota(slices: Slices, use: LimitUse, known: boolean, slice?: Slice): Fault {
  const dimension = dimensionOf(slices, use.measure);
  const scope = scopePath(use.scope);
  const message = `the quota of ${scope} for ${dimension} ${known ? numbers(use) : "leaves no room for this"}; ${mend(use.scope)}`;
  const path = slice?.adds.get(use.measure) ?? "";
  return new Fault("QUOTA_EXCEEDED", message, { violations: [{ path, rule: "quota", message }], resources: [scope] });
}

function numbers({ most, used, asked }: LimitUse): string {
  return `is ${most}: ${used} are used, and ${asked === 0 ? "more" : `${asked} more`} would be needed`;
}

function mend({ project }: Tenant): string {
  const who = project === "" ? "an operator of the cloud" : "an administrator of the org";
  return `delete what is not needed, or ask ${who} to raise it`;
}
