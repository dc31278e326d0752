// What directories look for: users and groups by the ids and names that they gave them. Several may have the same one, so that each claims a place
// of its own under it.
import type { Claim, Store } from "../../store/store.ts";

/** What is looked for: of a kind's resources in an org those whose field has a value. */
export interface Sought {
  readonly org: string;
  readonly kind: string;
  readonly field: "external_id" | "name";
  readonly value: string;
}

/** More of one value are not looked at: directories give each its own. */
const mostAlike = 1_000;

function spaceOf({ org, kind, field, value }: Sought): string {
  return `${field}|iam/sought/${org}/${kind}/${value}`;
}

export function soughtClaim(sought: Sought, id: string): Claim {
  return { space: spaceOf(sought), key: id };
}

/** The ids of those that have it. */
export function idsOfSought(store: Pick<Store, "transact">, sought: Sought): Promise<readonly string[]> {
  return store.transact(async (tx) => (await tx.claims(spaceOf(sought), mostAlike)).map(({ key }) => key));
}
