// Accepts a resource inside a transaction: admission, references, claims, row, events and task, all or nothing.
import type { Message } from "@bufbuild/protobuf";
import { fieldValue } from "@photoncloud/proto";
import type { Claim, Reference, ResourceKey, ResourceRow, ResourceWrite, Tenant } from "../../store/store.ts";
import type { Loaded } from "../kind.ts";
import { admit, ResourceAdmission } from "./admission.ts";
import { amountsOf } from "./amounts.ts";
import { nameSpace } from "./errors.ts";
import { isApart, prune, sameMessage, writeField } from "./fields.ts";
import { heldBy, resolveReferences } from "./references.ts";
import { dataOf, loadedOf, messageOf, observedOf, type Stamp, stamp, storedStatusOf } from "./rows.ts";
import type { Slice } from "./slices.ts";
import { appendEvent, keyOf, keyText, type Work } from "./work.ts";

/** What was written. */
export interface Accepted {
  readonly key: ResourceKey;
  readonly version: number;
  /** The resource after it, as it is answered; with what is answered once. */
  readonly message: Message;
}

function textOf(message: Message, name: string): string {
  const value: unknown = Reflect.get(message, name);
  return typeof value === "string" ? value : "";
}

function claimsOf(slice: Slice, key: ResourceKey, message: Message, admission: ResourceAdmission): readonly Claim[] {
  const name = textOf(message, "name");
  if (slice.definition.uniqueName === "none" || name === "") return admission.claims;
  return [{ space: nameSpace(key.kind, key), key: name }, ...admission.claims];
}

function writeOf(
  slice: Slice,
  key: ResourceKey,
  message: Message,
  admission: ResourceAdmission,
  references: readonly Reference[],
): ResourceWrite {
  const amounts = amountsOf(slice, message);
  const write = {
    ...key,
    ...(amounts && { amounts }),
    ...(admission.limits.size > 0 && { limits: Object.fromEntries(admission.limits) }),
    name: textOf(message, "name"),
    data: dataOf(slice, message),
    claims: claimsOf(slice, key, message, admission),
    references: [...references, ...admission.references],
  };
  return admission.secret === undefined ? write : { ...write, secret: admission.secret };
}

/** As it is answered: without what is never answered, with what follows from the row. */
export function answerOf(slice: Slice, message: Message, row: Stamp): Message {
  prune(slice.kind.fields, message, (field) => field.inputOnly);
  stamp(slice, message, row);
  return message;
}

/** Whether a volatile output of the message is set: those are stored apart. */
function hasObserved(slice: Slice, message: Message): boolean {
  return slice.observed.some((field) => fieldValue(field, message) !== undefined);
}

/** Admits and stores a new resource. `next` has its id and tenant, and has passed the value rules. */
export async function acceptCreate(work: Work, slice: Slice, tenant: Tenant, next: Message): Promise<Accepted> {
  const { tx } = work;
  const key = { tenant, kind: slice.kind.typeName, id: textOf(next, "id") };
  const row: Stamp = { phase: "live", version: 1, createdAt: tx.now, updatedAt: tx.now };
  const scope = await heldBy(work, tenant);
  await resolveReferences(work, slice, next, tenant);
  stamp(slice, next, row);
  const admission = new ResourceAdmission(work, tenant);
  await admit(work, slice, admission, next, undefined);
  const references = [...scope, ...(await resolveReferences(work, slice, next, tenant))];
  tx.create(writeOf(slice, key, next, admission, references));
  if (hasObserved(slice, next)) tx.observe(key, observedOf(slice, next, undefined));
  answerOf(slice, next, row);
  appendEvent(work, "created", slice, key, 1, next);
  if (slice.definition.reconciler !== undefined) tx.schedule(key);
  await writeTouched(work);
  Object.assign(next, admission.once);
  return { key, version: 1, message: next };
}

function restore(slice: Slice, prior: Message, next: Message): void {
  for (const field of slice.kind.fields) if (!isApart(field)) writeField(next, field, fieldValue(field, prior));
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/**
 * Admits and stores a change of a live resource. Where nothing differs after admission, nothing is written; where volatile outputs alone
 * differ, the version stays.
 *
 * @param edit Changes the message in place, and checks it.
 * @param check Looks at what admission has made of it.
 */
export async function acceptUpdate(
  work: Work,
  slice: Slice,
  row: ResourceRow,
  edit: (next: Message, admission: ResourceAdmission, prior: Loaded<Slice["kind"]["desc"]>) => Promise<void> | void,
  check?: (prior: Message, next: Message) => void,
): Promise<Accepted> {
  const prior = loadedOf(slice, slice.kind.desc, row);
  const next = messageOf(slice, slice.kind.desc, row);
  const admission = new ResourceAdmission(work, row.tenant);
  await edit(next, admission, prior);
  await admit(work, slice, admission, next, prior);
  check?.(prior.message, next);
  const references = await resolveReferences(work, slice, next, row.tenant);
  const asked = !sameMessage(slice.kind.fields, prior.message, next, isApart);
  // A set in another order is the same set: what is stored is answered.
  if (!asked) restore(slice, prior.message, next);
  const secret = admission.secret !== undefined && !sameBytes(admission.secret, row.secret);
  const written =
    asked || secret
      ? await writeVersion(work, slice, row, next, admission, references)
      : writeOutputs(work, slice, row, next);
  await writeTouched(work);
  Object.assign(written.message, admission.once);
  return written;
}

/** Admits a live resource as it is, and stores anew what follows from that: its claims and references. */
export async function acceptAgain(work: Work, slice: Slice, row: ResourceRow): Promise<void> {
  const next = messageOf(slice, slice.kind.desc, row);
  const admission = new ResourceAdmission(work, row.tenant);
  await admit(work, slice, admission, next, loadedOf(slice, slice.kind.desc, row));
  const references = await resolveReferences(work, slice, next, row.tenant);
  await writeVersion(work, slice, row, next, admission, references);
  await writeTouched(work);
}

async function writeVersion(
  work: Work,
  slice: Slice,
  row: ResourceRow,
  next: Message,
  admission: ResourceAdmission,
  references: readonly Reference[],
): Promise<Accepted> {
  const key = keyOf(row);
  const version = row.version + 1;
  work.tx.update(writeOf(slice, key, next, admission, [...(await heldBy(work, row.tenant)), ...references]));
  writeObserved(work, slice, row, next);
  answerOf(slice, next, { ...row, version, updatedAt: work.tx.now });
  appendEvent(work, "updated", slice, key, version, next);
  if (slice.definition.reconciler !== undefined) work.tx.schedule(key);
  return { key, version, message: next };
}

/** Stores the volatile outputs if they differ; answers whether they did. */
function writeObserved(work: Work, slice: Slice, row: ResourceRow, next: Message): boolean {
  if (slice.observed.length === 0) return false;
  const before = messageOf(slice, slice.kind.desc, row);
  if (sameMessage(slice.observed, before, next)) return false;
  const amounts = amountsOf(slice, next);
  work.tx.observe(keyOf(row), observedOf(slice, next, storedStatusOf(slice, row)));
  if (amounts !== undefined) work.tx.measure(keyOf(row), amounts);
  return true;
}

function writeOutputs(work: Work, slice: Slice, row: ResourceRow, next: Message): Accepted {
  const changed = writeObserved(work, slice, row, next);
  answerOf(slice, next, changed ? { ...row, updatedAt: work.tx.now } : row);
  if (changed) appendEvent(work, "updated", slice, row, row.version, next);
  // A port's name in the network is that of the machine in it; a peering's link follows its state.
  if (changed && slice.definition.reconciler !== undefined) work.tx.schedule(keyOf(row));
  return { key: keyOf(row), version: row.version, message: next };
}

/** Writes what admission changed of other resources; each change is admitted by its own kind and may touch others in turn. */
export async function writeTouched(work: Work): Promise<void> {
  for (let next = work.touched.values().next(); !next.done; next = work.touched.values().next()) {
    const { slice, row, message, caller } = next.value;
    const as = { ...work, caller };
    work.touched.delete(keyText(row));
    const volatileOnly = sameMessage(slice.kind.fields, messageOf(slice, slice.kind.desc, row), message, isApart);
    if (volatileOnly) writeOutputs(as, slice, row, message);
    else await acceptUpdate(as, slice, row, (stored) => void Object.assign(stored, message));
  }
}

/** Admits a deletion, unless it is under way already: a tombstone and a task where something has to be unmade, otherwise the row goes at once. */
export async function acceptDelete(work: Work, slice: Slice, row: ResourceRow): Promise<Accepted> {
  const { tx } = work;
  const key = keyOf(row);
  if (row.phase === "deleting")
    return { key, version: row.version, message: answerOf(slice, messageOf(slice, slice.kind.desc, row), row) };
  const loaded = loadedOf(slice, slice.kind.desc, row);
  const admission = new ResourceAdmission(work, row.tenant);
  await slice.definition.admitDelete?.(admission, loaded);
  const version = row.version + 1;
  const message = answerOf(slice, messageOf(slice, slice.kind.desc, row), {
    ...row,
    phase: "deleting",
    version,
    updatedAt: tx.now,
  });
  if (slice.definition.reconciler === undefined) {
    await slice.definition.released?.(admission, loaded);
    tx.remove(key);
    appendEvent(work, "deleted", slice, key, version, message);
  } else {
    tx.tombstone(key);
    appendEvent(work, "deleting", slice, key, version, message);
    tx.schedule(key);
  }
  await writeTouched(work);
  return { key, version, message };
}
