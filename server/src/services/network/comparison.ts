// Compares all that the network backend holds with all that is stored. What drifted is looked at again by the engine, which alone makes
// objects; what belongs to no resource any more is removed; what others keep there is reported and left alone.
import { setImmediate } from "node:timers/promises";
import { DriverError } from "../../backends/driver-error.ts";
import type { Audit, NetworkDriver, NetworkObject, NetworkObjectId } from "../../backends/network/driver.ts";
import { storedStatus } from "../../engine/message.ts";
import { StepError } from "../../engine/reconciler.ts";
import { isReady } from "../../engine/status.ts";
import type { Store } from "../../store/store.ts";
import { kindOfObject } from "./kinds.ts";
import { objectsOfRow } from "./objects.ts";
import { readAgain, readStored, type Stored, type StoredOptions, type StoredResource } from "./stored.ts";

/** How long it keeps the process from other work, in milliseconds. */
const sliceMs = 10;
/** How many resources are woken at a time: they share the store's commits. */
const wokenAtOnce = 100;

export interface ComparisonOptions extends StoredOptions {
  readonly store: Store;
  readonly network: NetworkDriver;
}

export interface Finding {
  /** Of ours the object's type, of others' the backend's own. */
  readonly type: string;
  readonly id: string;
  readonly detail: string;
}

/** Of ours. */
interface OwnFinding extends Finding {
  readonly type: NetworkObject["type"];
}

export interface Findings {
  /** How many objects the backend should hold. */
  readonly objects: number;
  /** What was changed or missing; its resources were woken. */
  readonly drifted: readonly Finding[];
  /** What belonged to nothing, and was removed or, where the backend refused, not yet. */
  readonly strays: readonly Finding[];
  readonly foreign: readonly Finding[];
}

/** @throws DriverError "unavailable", StoreError; the signal's reason. */
export async function compareNetwork(options: ComparisonOptions, signal: AbortSignal): Promise<Findings> {
  const { network, store } = options;
  const stored = await readStored(options, signal);
  const objects = await wantedOf(stored, signal);
  const audit = await network.audit(objects, signal);
  const drifted = await wakeDrifted(store, driftedOf(audit, stored));
  const strays = await removeStrays(options, audit.strays, stored, signal);
  return { objects: objects.length, drifted, strays, foreign: audit.foreign };
}

/** What the live resources should be in the network. One whose references are gone is the engine's to tell its tenant of. */
async function wantedOf(stored: Stored, signal: AbortSignal): Promise<readonly NetworkObject[]> {
  const objects: NetworkObject[] = [];
  let until = performance.now() + sliceMs;
  for (const { row, slice } of stored.all()) {
    const part = slice.definition.network;
    if (part === undefined || row.phase !== "live") continue;
    objects.push(...(await objectsOfRow(part, row, stored).catch(noneIfGone)));
    if (performance.now() < until) continue;
    await setImmediate();
    signal.throwIfAborted();
    until = performance.now() + sliceMs;
  }
  return objects;
}

function noneIfGone(error: unknown): readonly NetworkObject[] {
  if (error instanceof StepError) return [];
  throw error;
}

/** An object that is not as its resource would have it. */
interface Drifted {
  readonly finding: OwnFinding;
  readonly of: StoredResource;
}

/** What drifted, also what a resource should not have any more. What the engine is still making or unmaking has not drifted. */
function driftedOf({ drifted, strays }: Audit, stored: Stored): readonly Drifted[] {
  const left = strays.map((stray) => findingOf(stray, "it should not be there any more"));
  return [...drifted, ...left].flatMap((finding) => {
    const of = stored.find(kindOfObject(finding.type), finding.id);
    return of !== undefined && isSettled(of) ? [{ finding, of }] : [];
  });
}

function isSettled({ row, slice }: StoredResource): boolean {
  return row.phase === "live" && isReady(row, storedStatus(slice.kind.desc, row));
}

/** Has the engine look at their resources. Answers those that have not been changed or deleted since they were read. */
async function wakeDrifted(store: Store, drifted: readonly Drifted[]): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (let from = 0; from < drifted.length; from += wokenAtOnce) {
    const part = drifted.slice(from, from + wokenAtOnce);
    const same = await Promise.all(part.map(({ of }) => wakeUnchanged(store, of)));
    findings.push(...part.filter((_, at) => same[at]).map(({ finding }) => finding));
  }
  return findings;
}

function wakeUnchanged(store: Store, { key, row }: StoredResource): Promise<boolean> {
  return store.transact(async (tx) => {
    const now = await tx.get(key);
    if (now?.version !== row.version) return false;
    tx.schedule(key);
    return true;
  });
}

/** Removes what belongs to no resource: neither to one that was read, nor to one that was made meanwhile. */
async function removeStrays(
  options: ComparisonOptions,
  strays: readonly NetworkObjectId[],
  stored: Stored,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const unknown = strays.filter(({ type, id }) => stored.find(kindOfObject(type), id) === undefined);
  const there = await ownersThere(options, unknown, signal);
  const gone = unknown.filter((stray) => !there.has(ownerOf(stray)));
  return removeAll(options.network, gone, signal);
}

const ownerOf = ({ type, id }: NetworkObjectId) => `${kindOfObject(type)}/${id}`;

async function ownersThere(options: ComparisonOptions, strays: readonly NetworkObjectId[], signal: AbortSignal) {
  const there = new Set<string>();
  const byKind = Map.groupBy(strays, ({ type }) => kindOfObject(type));
  for (const [kind, objects] of byKind) {
    const slice = options.slices.find(kind);
    const ids = [...new Set(objects.map(({ id }) => id))];
    // What this server does not serve it can't tell to be gone.
    if (slice === undefined) for (const id of ids) there.add(`${kind}/${id}`);
    else for (const { id } of await readAgain(options, slice, ids, signal)) there.add(`${kind}/${id}`);
  }
  return there;
}

/** What stands on another stray goes before it: those that are still in use are tried again as long as any goes. */
async function removeAll(network: NetworkDriver, gone: readonly NetworkObjectId[], signal: AbortSignal) {
  const findings: Finding[] = [];
  let left = gone;
  for (let before = Number.POSITIVE_INFINITY; left.length > 0 && left.length < before; ) {
    before = left.length;
    const ended = await Promise.all(left.map((stray) => removeOne(network, stray, signal)));
    findings.push(...left.filter((_, at) => ended[at] === undefined).map((stray) => findingOf(stray, "removed")));
    left = left.filter((_, at) => ended[at] !== undefined);
  }
  return [...findings, ...left.map((stray) => findingOf(stray, "could not be removed yet: it is in use"))];
}

const findingOf = ({ type, id }: NetworkObjectId, detail: string): OwnFinding => ({ type, id, detail });

/** Answers what still uses it. */
async function removeOne(network: NetworkDriver, { type, id }: NetworkObjectId, signal: AbortSignal) {
  try {
    await network.remove({ type, id }, signal);
    return undefined;
  } catch (error) {
    if (error instanceof DriverError && error.reason === "in_use") return error;
    throw error;
  }
}
