// What a peering between two VPCs of one tenant means for its security groups: a rule that names a group means its ports on both sides.
import type { PeeringSpec } from "../../driver.ts";
import { idIn } from "../marks.ts";
import { rowsInPlace } from "./filter-place.ts";
import { keptFilter } from "./filter-rules.ts";
import { peersOf } from "./peers.ts";
import type { Patch, View, WantedRow } from "./row.ts";
import { rowUuid } from "./uuids.ts";

interface Rules {
  /** The names that the rules need. */
  readonly rows: readonly WantedRow[];
  /** Their matches. */
  readonly patches: readonly Patch[];
}

/** The rules of a peering's VPC with it. */
export function withPeering({ id, owner, vpcId, peerVpcId, peerOwner }: PeeringSpec, view: View): Rules {
  if (peerOwner !== owner) return { rows: [], patches: [] };
  return rulesWith(vpcId, [...peersOf(view, vpcId, owner, id), peerVpcId].sort(), view);
}

/** The rules of its VPC when a peering has gone. */
export function afterPeering(id: string, view: View): readonly Patch[] {
  const row = view.row(rowUuid({ type: "peering", id }))?.row;
  const [vpcId, owner] = [idIn(row, "photon:vpc"), idIn(row, "photon:tenant")];
  if (vpcId === undefined || owner === undefined || idIn(row, "photon:peer-owner") !== owner) return [];
  return rulesWith(vpcId, peersOf(view, vpcId, owner, id), view).patches;
}

/** The rules of a VPC that name groups, with some peers. */
function rulesWith(vpcId: string, peers: readonly string[], view: View): Rules {
  const naming = view
    .rowsWith("ACL", "photon:vpc", vpcId)
    .filter(({ row }) => idIn(row, "photon:names")?.startsWith("filter/"))
    .flatMap(({ row }) => idIn(row, "photon:id") ?? []);
  const rows = [...new Set(naming)].flatMap((id) => {
    const filter = keptFilter(id, view);
    return filter === undefined ? [] : rowsInPlace({ filter, vpcId }, view, peers);
  });
  return { rows: rows.filter(({ placeholder }) => placeholder), patches: rows.flatMap(matchOf) };
}

function matchOf({ table, uuid, columns }: WantedRow): Patch[] {
  return table === "ACL" ? [{ table, uuid, columns: { match: columns.match } }] : [];
}
