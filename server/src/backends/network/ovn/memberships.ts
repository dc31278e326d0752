// In which sets a row is: the sets of the copy, read backwards.

import { setsOf } from "./mapping/members.ts";
import type { Membership, Table } from "./mapping/row.ts";
import { isOurs } from "./marks.ts";
import type { Row } from "./ovsdb/database.ts";

const nobody: ReadonlySet<string> = new Set();
const nowhere: readonly Membership[] = [];

export class Memberships {
  readonly #of = new Map<string, readonly Membership[]>();

  of(member: string): readonly Membership[] {
    return this.#of.get(member) ?? nowhere;
  }

  has(member: string, parent: string): boolean {
    return this.of(member).some(({ uuid }) => uuid === parent);
  }

  join(member: string, set: Membership): void {
    if (!this.has(member, set.uuid)) this.#of.set(member, [...this.of(member), set]);
  }

  leave(member: string, parent: string): void {
    const rest = this.of(member).filter(({ uuid }) => uuid !== parent);
    if (rest.length > 0) this.#of.set(member, rest);
    else this.#of.delete(member);
  }
}

/** Who came into the sets of a row, and who left. The sets of others' rows are not ours to look at. */
export function* moves(
  table: Table,
  uuid: string,
  before: Row | undefined,
  after: Row | undefined,
): Generator<{ readonly member: string; readonly set: Membership; readonly joined: boolean }> {
  for (const column of setsOf(table)) {
    const [was, is] = [membersIn(before, column), membersIn(after, column)];
    if (was === is) continue;
    const set = { table, uuid, column };
    for (const member of was) if (!is.has(member)) yield { member, set, joined: false };
    for (const member of is) if (!was.has(member)) yield { member, set, joined: true };
  }
}

function membersIn(row: Row | undefined, column: string): ReadonlySet<string> {
  const members = isOurs(row) ? row[column] : undefined;
  return members instanceof Set ? members : nobody;
}
