// In which sets a row is: the sets of the copy, read backwards.

import type { TableChange } from "./copy.ts";
import { setsOf } from "./mapping/members.ts";
import type { Membership } from "./mapping/row.ts";
import { isOurs } from "./marks.ts";
import type { Atom, Row } from "./ovsdb/database.ts";

const nobody: ReadonlySet<Atom> = new Set();
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

/** A row that came into a set, or left it. */
export interface Moved {
  readonly member: string;
  readonly set: Membership;
  readonly joined: boolean;
}

/** Who came into the sets of a row, and who left. The sets of others' rows are not ours to look at. */
export function moves(change: TableChange): readonly Moved[] {
  const { table, uuid, before, after } = change;
  const moved: Moved[] = [];
  for (const column of setsOf(table)) {
    const [was, is] = [membersIn(before, column), membersIn(after, column)];
    if (was === is) continue;
    const set = { table, uuid, column };
    for (const member of movedIn(change, column) ?? was.symmetricDifference(is))
      moved.push({ member: String(member), set, joined: is.has(member) });
  }
  return moved;
}

/** What the server told, where the row is ours before and after. */
function movedIn({ before, after, moved }: TableChange, column: string): ReadonlySet<Atom> | undefined {
  return isOurs(before) && isOurs(after) ? moved?.[column] : undefined;
}

function membersIn(row: Row | undefined, column: string): ReadonlySet<Atom> {
  const members = isOurs(row) ? row[column] : undefined;
  return members instanceof Set ? members : nobody;
}
