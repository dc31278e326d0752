// What a resource refers to: found by the annotations at any depth, resolved in its tenant and those above.
import type { Message } from "@bufbuild/protobuf";
import type { FieldViolation } from "@photoncloud/proto";
import { referencesIn } from "../../engine/references.ts";
import type { Fault } from "../../fault.ts";
import type { Reference, ResourceKey, Tenant } from "../../store/store.ts";
import { noScope, unknownReference } from "./errors.ts";
import type { Slice } from "./slices.ts";
import { invalid, scopeReference } from "./tenancy.ts";
import { findRow, keyOf, type Work } from "./work.ts";

/** Whether a path is one of those that a plan does not know yet, or lies below one. */
export function isUnknown(unknown: ReadonlySet<string> | undefined, path: string): boolean {
  if (unknown === undefined || unknown.size === 0) return false;
  if (unknown.has(path)) return true;
  for (let end = path.length - 1; end > 0; end--)
    if ((path[end] === "." || path[end] === "[") && unknown.has(path.slice(0, end))) return true;
  return false;
}

/** The row of the org or project that holds the tenant. @throws Fault NOT_FOUND if it is not there or is being deleted. */
export async function heldBy(work: Work, tenant: Tenant): Promise<readonly Reference[]> {
  const reference = scopeReference(work.slices, tenant);
  if (reference === undefined) return [];
  const row = await work.tx.get(reference.target);
  if (row === undefined || row.phase === "deleting") throw noScope(reference);
  return [reference];
}

async function targetOf(work: Work, kindName: string, id: string, from: Tenant): Promise<ResourceKey | undefined> {
  const kind = work.slices.catalog.byTypeName(kindName);
  const row = kind && (await findRow(work.tx, kind, id, from));
  return row === undefined || row.phase === "deleting" ? undefined : keyOf(row);
}

/** All references of a message. @throws Fault INVALID_FIELDS, rule "unknown_reference", with every one that names nothing in the tenant. */
export async function resolveReferences(
  work: Work,
  slice: Slice,
  message: Message,
  tenant: Tenant,
): Promise<readonly Reference[]> {
  const references: Reference[] = [];
  const violations: FieldViolation[] = [];
  for (const { path, kind, id } of referencesIn(slice.kind.desc, message)) {
    if (isUnknown(work.unknown, path)) continue;
    const target = await targetOf(work, kind, id, tenant);
    if (target !== undefined) references.push({ path, target });
    else
      violations.push(...violationsOf(unknownReference(work.slices.catalog.byTypeName(kind)?.noun ?? kind, id, path)));
  }
  if (violations.length > 0) throw invalid(violations);
  return references;
}

function violationsOf(fault: Fault): readonly FieldViolation[] {
  return fault.details.violations ?? [];
}
