// Takes and drops claims, the difference alone. All that is dropped is dropped first, so that a claim can move between resources in one transaction.
import { isKey, joined, keyValues, plainKey, sameKey } from "../sql/key.ts";
import { resourceKey, text } from "../sql/row.ts";
import { command, query, type Script } from "../sql/script.ts";
import type { Claim, ResourceKey } from "../store.ts";
import { type Change, type Plan, Refused, stale, type Taking } from "./plan.ts";

/** Claims of one statement: of few sizes, so that few statements are prepared. A resource with thousands is rare, and a round trip for each would be felt. */
const sizes = [128, 16, 1] as const;

export function* replaceClaims(plan: Plan): Script<void> {
  const takings: Taking[] = [];
  for (const change of plan.changes) takings.push(...(yield* dropUnclaimed(change)));
  takings.sort((a, b) => (claimString(a.claim) < claimString(b.claim) ? -1 : 1));
  for (const some of inSizes(takings)) yield* take(some);
}

function inSizes<T>(all: readonly T[]): readonly (readonly T[])[] {
  const parts: (readonly T[])[] = [];
  let at = 0;
  for (const size of sizes) for (; all.length - at >= size; at += size) parts.push(all.slice(at, at + size));
  return parts;
}

/** Drops what the new version no longer claims; answers what it has yet to take. */
function* dropUnclaimed({ key, put, end }: Change): Script<readonly Taking[]> {
  if (put === undefined || end === "remove") return [];
  const wanted = new Map(put.write.claims.map((claim) => [claimString(claim), claim]));
  if (put.mode === "update") {
    const had = yield* query(`SELECT space, key FROM claims WHERE ${isKey}`, ...keyValues(key));
    const claims = had.map((row) => ({ space: text(row, "space"), key: text(row, "key") }));
    for (const some of inSizes(claims.filter((claim) => !wanted.delete(claimString(claim))))) yield* drop(some);
  }
  return [...wanted.values()].map((claim) => ({ by: plainKey(key), claim }));
}

function* drop(claims: readonly Claim[]): Script<void> {
  const values = claims.flatMap(({ space, key }) => [space, key]);
  yield* command(`DELETE FROM claims WHERE (space, key) IN (VALUES ${tuples(claims.length, 2)})`, ...values);
}

function* take(takings: readonly Taking[]): Script<void> {
  const taken = yield* command(
    `INSERT INTO claims (kind, org, project, id, space, key) VALUES ${tuples(takings.length, 6)} ON CONFLICT DO NOTHING`,
    ...takings.flatMap(({ by, claim }) => [...keyValues(by), claim.space, claim.key]),
  );
  if (taken < takings.length) for (const taking of takings) yield* refuseTaken(taking);
}

/** Of some that could not all be taken. What the resource has by now is its own. */
function* refuseTaken({ by, claim }: Taking): Script<void> {
  const owner = yield* ownerOf(claim);
  if (owner !== undefined && sameKey(owner, by)) return;
  if (owner === undefined || claim.drawn === true) throw stale();
  throw new Refused({ reason: "claim_taken", claim, by, owner });
}

/** "($1, $2), ($3, $4)" */
function tuples(count: number, width: number): string {
  const tuple = (at: number) =>
    `(${Array.from({ length: width }, (_, place) => `$${at * width + place + 1}`).join(", ")})`;
  return Array.from({ length: count }, (_, at) => tuple(at)).join(", ");
}

/** Undefined: it was dropped this moment, by another connection. */
function* ownerOf(claim: Claim): Script<ResourceKey | undefined> {
  const [row] = yield* query(
    "SELECT kind, org, project, id FROM claims WHERE space = $1 AND key = $2",
    claim.space,
    claim.key,
  );
  return row && resourceKey(row);
}

function claimString(claim: Claim): string {
  return joined(claim.space, claim.key);
}
