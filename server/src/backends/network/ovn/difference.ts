// What must be written so that an object is as it should be, or is no more.
import type { Holdings } from "./holdings.ts";
import { homesOf } from "./mapping/members.ts";
import type { Compiled, Membership, Patch, Table, WantedRow } from "./mapping/row.ts";
import type { Value } from "./ovsdb/database.ts";
import { sameValue } from "./ovsdb/values.ts";

/** A row that comes into a set, or leaves it. */
export interface Move {
  readonly member: string;
  readonly set: Membership;
}

/** A row, without what is in it. */
export interface RowName {
  readonly table: Table;
  readonly uuid: string;
}

export interface Difference {
  readonly inserts: readonly WantedRow[];
  /** With the columns that differ. */
  readonly updates: readonly Patch[];
  readonly joins: readonly Move[];
  readonly leaves: readonly Move[];
  readonly deletes: readonly RowName[];
}

export function isEmpty({ inserts, updates, joins, leaves, deletes }: Difference): boolean {
  return inserts.length + updates.length + joins.length + leaves.length + deletes.length === 0;
}

/** From what is held to an object as it should be. */
export function differenceTo(key: string, compiled: Compiled, holdings: Holdings): Difference {
  const { rows, patches } = compiled;
  if (isNew(key, compiled, holdings)) return { ...noDifference, inserts: rows, joins: rows.flatMap(homecoming) };
  const inserts: WantedRow[] = [];
  const updates: Patch[] = [];
  const joins: Move[] = [];
  const leaves: Move[] = [];
  for (const row of rows) {
    const held = holdings.row(row.uuid);
    if (row.placeholder && held?.mark !== undefined) continue;
    if (held === undefined) inserts.push(row);
    else push(updates, changeOf(row, held.row));
    compareSets(row, holdings.memberships.of(row.uuid), joins, leaves);
  }
  updates.push(...changesOf(patches, holdings));
  return { inserts, updates, joins, leaves, deletes: namesOf(without(holdings.rowsOf(key), rows), holdings) };
}

const noDifference: Difference = { inserts: [], updates: [], joins: [], leaves: [], deletes: [] };

/** Of an object that is new, as most are when they come here, everything is inserted. */
function isNew(key: string, { rows, patches }: Compiled, holdings: Holdings): boolean {
  if (patches.length > 0 || holdings.hasRowOf(key)) return false;
  return rows.every(({ uuid }) => holdings.row(uuid) === undefined && holdings.memberships.of(uuid).length === 0);
}

function homecoming({ uuid: member, memberOf }: WantedRow): Move[] {
  return memberOf.map((set) => ({ member, set }));
}

/** What an object's going means for others. */
export interface Parting {
  readonly patches: readonly Patch[];
  /** The UUIDs of rows of others that go with it. */
  readonly going: readonly string[];
}

/** From what is held of an object to nothing of it, with what that means for others. A row of it that is patched stays: others need its name. */
export function removalOf(key: string, { patches, going }: Parting, holdings: Holdings): Difference {
  const kept = new Set(patches.map(({ uuid }) => uuid));
  const own = [...holdings.rowsOf(key)].filter((uuid) => !kept.has(uuid));
  const deletes = namesOf([...new Set([...own, ...going])], holdings);
  return { inserts: [], updates: changesOf(patches, holdings), joins: [], leaves: [], deletes };
}

/** UUIDs of none of the rows. A new object has none yet, and most objects are new when they come here. */
function without(uuids: ReadonlySet<string>, rows: readonly WantedRow[]): readonly string[] {
  if (uuids.size === 0) return [];
  const wanted = new Set(rows.map(({ uuid }) => uuid));
  return [...uuids].filter((uuid) => !wanted.has(uuid));
}

/** A row that is not there is not patched: it will be made as it should be. */
function changesOf(patches: readonly Patch[], holdings: Holdings): Patch[] {
  return patches.flatMap((patch) => {
    const held = holdings.row(patch.uuid);
    return (held === undefined ? undefined : changeOf(patch, held.row)) ?? [];
  });
}

function namesOf(uuids: readonly string[], holdings: Holdings): RowName[] {
  return uuids.flatMap((uuid) => {
    const held = holdings.row(uuid);
    return held === undefined ? [] : [{ table: held.table, uuid }];
  });
}

/** The columns that differ; undefined: none does. */
function changeOf({ table, uuid, columns }: Patch, row: Readonly<Record<string, Value>>): Patch | undefined {
  const changed = Object.entries(columns).filter(([name, value]) => !isSame(value, row[name]));
  return changed.length === 0 ? undefined : { table, uuid, columns: Object.fromEntries(changed) };
}

function isSame(a: Value, b: Value): boolean {
  return sameValue(a, b) || (holdsNothing(a) && holdsNothing(b));
}

/** What a column of a new row is by itself. */
export function holdsNothing(value: Value): boolean {
  return value === undefined || (typeof value === "object" && value.size === 0);
}

function compareSets(row: WantedRow, are: readonly Membership[], joins: Move[], leaves: Move[]): void {
  const { uuid: member, table: memberTable, memberOf } = row;
  for (const set of memberOf) if (!includes(are, set)) joins.push({ member, set });
  for (const set of are) if (isHome(memberTable, set) && !includes(memberOf, set)) leaves.push({ member, set });
}

function includes(sets: readonly Membership[], { uuid, column }: Membership): boolean {
  return sets.some((set) => set.uuid === uuid && set.column === column);
}

function isHome(memberTable: Table, { table, column }: Membership): boolean {
  return homesOf(memberTable).some((home) => home.table === table && home.column === column);
}

function push<T>(list: T[], item: T | undefined): void {
  if (item !== undefined) list.push(item);
}
