// Compares all that the Northbound holds with all that it should hold.
import { setImmediate } from "node:timers/promises";
import { DriverError } from "../../driver-error.ts";
import type { Audit, NetworkObject, NetworkObjectId } from "../driver.ts";
import { keyOf } from "../topology.ts";
import { type Difference, differenceTo, isEmpty } from "./difference.ts";
import type { Held, Holdings } from "./holdings.ts";
import { compile } from "./mapping/index.ts";
import type { Membership } from "./mapping/row.ts";
import { objectOf } from "./marks.ts";

/** How long it keeps the process from other work, in milliseconds. */
const sliceMs = 10;
/** How many faults of one object are named. */
const maxFaults = 3;

/** Changes nothing. What is made while it runs is no stray. */
export async function auditOf(
  objects: Iterable<NetworkObject>,
  holdings: Holdings,
  signal: AbortSignal,
): Promise<Audit> {
  const present = [...holdings.keys()];
  const drifted: (NetworkObjectId & { readonly detail: string })[] = [];
  const wanted = new Set<string>();
  const rows = new Set<string>();
  let until = performance.now() + sliceMs;
  for (const object of objects) {
    wanted.add(keyOf(object));
    const detail = compare(object, holdings, rows);
    if (detail !== undefined) drifted.push({ type: object.type, id: object.id, detail });
    if (performance.now() < until) continue;
    await setImmediate();
    signal.throwIfAborted();
    until = performance.now() + sliceMs;
  }
  const strays = present.filter((key) => !wanted.has(key)).flatMap((key) => objectOf(key) ?? []);
  return { drifted, strays, foreign: foreign(holdings, rows) };
}

/** What is wrong with an object; undefined: nothing. Notes the UUIDs of its rows. */
function compare(object: NetworkObject, holdings: Holdings, rows: Set<string>): string | undefined {
  try {
    const compiled = compile(object, holdings);
    for (const { uuid } of compiled.rows) rows.add(uuid);
    const difference = differenceTo(keyOf(object), compiled, holdings);
    return isEmpty(difference) ? undefined : faultsOf(difference, holdings);
  } catch (err) {
    if (err instanceof DriverError) return err.message;
    throw err;
  }
}

function faultsOf({ inserts, updates, joins, leaves, deletes }: Difference, holdings: Holdings): string {
  const name = (uuid: string) => nameOf(holdings.row(uuid), uuid);
  const members = inserts.map(({ uuid }) => uuid);
  const set = ({ table, uuid, column }: Membership) => `${column} of ${table} ${nameOf(holdings.row(uuid), uuid)}`;
  const faults = [
    ...inserts.map(({ table, uuid, columns }) => `${table} ${nameOf({ row: columns }, uuid)} is missing`),
    ...updates.map(({ table, uuid, columns }) => `${table} ${name(uuid)}: ${Object.keys(columns).join(", ")} differ`),
    ...joins
      .filter(({ member }) => !members.includes(member))
      .map((move) => `${name(move.member)} is not in ${set(move.set)}`),
    ...leaves.map((move) => `${name(move.member)} should not be in ${set(move.set)}`),
    ...deletes.map(({ table, uuid }) => `${table} ${name(uuid)} should not be there`),
  ];
  const more = faults.length > maxFaults ? [`${faults.length - maxFaults} more`] : [];
  return [...faults.slice(0, maxFaults), ...more].join("; ");
}

/** Rows of nobody that we know; one of ours that lost its mark is told as its object's drift. */
function foreign(holdings: Holdings, rows: ReadonlySet<string>): Audit["foreign"] {
  return [...holdings.rows()]
    .filter(({ mark, uuid }) => mark === undefined && !rows.has(uuid))
    .map((held) => ({ type: held.table, id: nameOf(held, held.uuid), detail: "carries no mark of ours" }));
}

/** Rows are known by their names where they have one. */
function nameOf(held: Pick<Held, "row"> | undefined, uuid: string): string {
  const name = held?.row.name;
  return typeof name === "string" && name !== "" ? name : uuid;
}
