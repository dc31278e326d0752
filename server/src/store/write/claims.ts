// Takes and drops claims. All that is dropped is dropped first, so that a claim can move between resources in one transaction.
import { isKey, joined, keyValues, plainKey, sameKey } from "../sql/key.ts";
import { resourceKey, text } from "../sql/row.ts";
import { command, query, type Script } from "../sql/script.ts";
import type { Claim, ResourceKey } from "../store.ts";
import { type Change, type Plan, Refused, stale, type Taking } from "./plan.ts";

export function* replaceClaims(plan: Plan): Script<void> {
  const takings: Taking[] = [];
  for (const change of plan.changes) takings.push(...(yield* dropUnclaimed(change)));
  takings.sort((a, b) => (claimString(a.claim) < claimString(b.claim) ? -1 : 1));
  for (const taking of takings) yield* take(taking);
}

/** Drops what the new version no longer claims; answers what it has yet to take. */
function* dropUnclaimed({ key, put, end }: Change): Script<readonly Taking[]> {
  if (put === undefined || end === "remove") return [];
  const wanted = new Map(put.write.claims.map((claim) => [claimString(claim), claim]));
  if (put.mode === "update") {
    const had = yield* query(`SELECT space, key FROM claims WHERE ${isKey}`, ...keyValues(key));
    for (const row of had) {
      const claim = { space: text(row, "space"), key: text(row, "key") };
      if (!wanted.delete(claimString(claim))) yield* drop(claim);
    }
  }
  return [...wanted.values()].map((claim) => ({ by: plainKey(key), claim }));
}

function* drop(claim: Claim): Script<void> {
  yield* command("DELETE FROM claims WHERE space = $1 AND key = $2", claim.space, claim.key);
}

function* take({ by, claim }: Taking): Script<void> {
  const taken = yield* command(
    `INSERT INTO claims (kind, org, project, id, space, key) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT DO NOTHING`,
    ...keyValues(by),
    claim.space,
    claim.key,
  );
  if (taken > 0) return;
  const owner = yield* ownerOf(claim);
  if (owner === undefined || claim.drawn === true) throw stale();
  if (!sameKey(owner, by)) throw new Refused({ reason: "claim_taken", claim, by, owner });
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
