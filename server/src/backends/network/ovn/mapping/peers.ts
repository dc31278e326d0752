// Which of a tenant's own VPCs are peered with one of its VPCs: what the rows of peerings say.
import { idIn } from "../marks.ts";
import type { View } from "./row.ts";

/** In order. `but`: a peering that does not count. */
export function peersOf(view: View, vpcId: string, owner: string, but?: string): readonly string[] {
  return view
    .rowsWith("Logical_Router_Port", "photon:vpc", vpcId)
    .filter(({ row }) => idIn(row, "photon:peer-owner") === owner && idIn(row, "photon:id") !== but)
    .flatMap(({ row }) => idIn(row, "photon:peer") ?? [])
    .sort();
}
