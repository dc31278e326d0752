// The refusals that every kind shares, and what the store's refusals mean to a caller.
import type { Kind } from "@photoncloud/proto";
import { Fault, invalidField } from "../../fault.ts";
import { type Claim, type Reference, type ResourceKey, StoreError, type StoreErrorReason } from "../../store/store.ts";
import { formatPath } from "../call.ts";
import { overQuota } from "./quota.ts";
import type { Slices } from "./slices.ts";
import { isWithin, sameTenant } from "./tenancy.ts";

/** How many referrers an error names. */
const namedReferrers = 10;

/** How many referrers are counted. */
export const mostCounted = 1_000;

/** The same words for what never existed and for what belongs to someone else. */
export function notFound(kind: Kind, id: string): Fault {
  return new Fault("NOT_FOUND", `${kind.noun} ${JSON.stringify(id)} was not found`);
}

export function beingDeleted(kind: Kind, id: string): Fault {
  return new Fault("BEING_DELETED", `${kind.noun} ${id} is being deleted and can't be changed any more`);
}

export function staleEtag(kind: Kind, id: string, given: string, current: string): Fault {
  const message = `${kind.noun} ${id} has changed since it was read: its etag is ${current}, ${given} was given; read it again`;
  return new Fault("STALE_ETAG", message);
}

/** The same words for a foreign id, a missing one, and one that is going. */
export function unknownReference(kindName: string, id: string, path: string): Fault {
  return invalidField(
    path,
    "unknown_reference",
    `there is no ${kindName} ${JSON.stringify(id)} here; create it first or name another`,
  );
}

/** A scope that is not there is told apart from a wrong field: the edge has checked that the caller may act in it. */
export function noScope(reference: Reference): Fault {
  const what = reference.path === "org_id" ? "org" : "project";
  return new Fault("NOT_FOUND", `${what} ${JSON.stringify(reference.target.id)} was not found or is being deleted`, {
    violations: [{ path: reference.path, rule: "unknown_reference", message: "create it first or name another" }],
  });
}

export function badCursor(given: string): Fault {
  const message = `${JSON.stringify(given.slice(0, 100))} is no cursor of this log; take one from a list, a watch or an event, or leave it out`;
  return new Fault("BAD_CURSOR", message, { violations: [{ path: "cursor", rule: "format", message }] });
}

/** The space of the names that are unique in a tenant. */
export function nameSpace(kind: string, { tenant }: Pick<ResourceKey, "tenant">): string {
  return `name/${kind}/${tenant.org}/${tenant.project}`;
}

export function pathOf(slices: Slices, key: ResourceKey): string {
  const type = slices.catalog.byTypeName(key.kind)?.noun ?? key.kind;
  return formatPath({ ...key.tenant, type, id: key.id });
}

/** A claim's field: a name's is "name"; others say it before a bar, "ip_address|subnet-…". */
function claimField(claim: Claim): string {
  if (claim.space.startsWith("name/")) return "name";
  const bar = claim.space.indexOf("|");
  return bar < 0 ? "" : claim.space.slice(0, bar);
}

export function claimTaken(slices: Slices, claim: Claim, by: ResourceKey, owner: ResourceKey): Fault {
  const path = claimField(claim);
  const known = sameTenant(by.tenant, owner.tenant);
  const holder = known ? pathOf(slices, owner) : "something else";
  const message = `${JSON.stringify(claim.key)} is taken by ${holder}; choose another`;
  const violations = path === "" ? [] : [{ path, rule: "unique", message }];
  const details = { violations, ...(known ? { resources: [holder] } : {}) };
  return new Fault("ALREADY_EXISTS", path === "" ? message : `${path}: ${message}`, details);
}

/** Whether someone who may delete a resource may know who refers to it: what is beside it, or inside the scope that it is. */
function mayKnow(slices: Slices, key: ResourceKey, referrer: ResourceKey): boolean {
  if (sameTenant(key.tenant, referrer.tenant)) return true;
  const isOrg = key.tenant.org === "";
  const isScope = (slices.catalog.byTypeName(key.kind)?.isScope ?? 0) !== 0;
  return (
    isScope &&
    isWithin(referrer.tenant, isOrg ? { org: key.id, project: "" } : { org: key.tenant.org, project: key.id })
  );
}

export function stillReferenced(slices: Slices, key: ResourceKey, by: readonly ResourceKey[]): Fault {
  const resources = by
    .filter((one) => mayKnow(slices, key, one))
    .slice(0, namedReferrers)
    .map((one) => pathOf(slices, one));
  const others = by.length - resources.length;
  const named = [...resources, ...(others > 0 ? [`${others}${by.length >= mostCounted ? " or" : ""} more`] : [])].join(
    ", ",
  );
  const noun = slices.catalog.byTypeName(key.kind)?.noun ?? "resource";
  return new Fault("STILL_REFERENCED", `${noun} ${key.id} is still used by ${named}; delete or change that first`, {
    resources,
  });
}

function missingReference(slices: Slices, kindOfFrom: string, reference: Reference): Fault {
  const isScope = reference.path === "org_id" || reference.path === "project_id";
  const kind = slices.catalog.byTypeName(reference.target.kind);
  if (isScope && (kind?.isScope ?? 0) !== 0) return noScope(reference);
  return unknownReference(kind?.noun ?? kindOfFrom, reference.target.id, reference.path);
}

function refusal(slices: Slices, detail: StoreErrorReason, cause: StoreError): Fault {
  switch (detail.reason) {
    case "claim_taken":
      return claimTaken(slices, detail.claim, detail.by, detail.owner);
    case "missing_reference":
      return missingReference(slices, detail.from.kind, detail.reference);
    case "still_referenced":
      return stillReferenced(slices, detail.key, detail.by);
    case "duplicate_id":
      return duplicateId(slices, detail.key);
    case "over_limit":
      return overQuota(slices, detail.use, false);
    case "bad_cursor":
      return badCursor(detail.cursor);
    case "contended":
      return new Fault("CONTENDED", "too many changes at once touch the same resources; try again", { cause });
    case "closed":
      return new Fault("STORE_UNAVAILABLE", "the store does not answer; try again", { cause });
    case "lease_lost":
    case "key_taken":
      return new Fault("INTERNAL", "the store refused", { cause });
  }
}

export function duplicateId(slices: Slices, key: ResourceKey): Fault {
  const path = pathOf(slices, key);
  const message = `${JSON.stringify(key.id)} is taken by ${path}; choose another`;
  return new Fault("ALREADY_EXISTS", `id: ${message}`, {
    violations: [{ path: "id", rule: "unique", message }],
    resources: [path],
  });
}

/** What the caller should be told of an error; anything but a store's refusal stays what it is. */
export function toFault(slices: Slices, error: unknown): unknown {
  return error instanceof StoreError ? refusal(slices, error.detail, error) : error;
}
