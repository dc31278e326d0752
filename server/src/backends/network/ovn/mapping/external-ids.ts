// The marks on our rows (the column external_ids): whose they are, and which object of ours they are part of.
import type { NetworkObject, NetworkObjectId } from "../../driver.ts";
import { keyOf, standsOn } from "../../topology.ts";

/** On every row of ours, and on no one else's. */
export const ownerMark = { key: "photon:owner", value: "photoncloud" } as const;

export type ExternalIds = ReadonlyMap<string, string>;

/** What all rows of an object carry; `more` without the "photon:". */
export function marksOf(object: NetworkObject, more: Readonly<Record<string, string>> = {}): ExternalIds {
  const marks = new Map<string, string>([
    [ownerMark.key, ownerMark.value],
    ["photon:type", object.type],
    ["photon:id", object.id],
    ["photon:tenant", object.owner],
  ]);
  const { vpc, subnet } = placeOf(object);
  if (vpc !== undefined) marks.set("photon:vpc", vpc);
  if (subnet !== undefined) marks.set("photon:subnet", subnet);
  for (const key in more) marks.set(`photon:${key}`, more[key] ?? "");
  return marks;
}

/** What the main row carries: also what the object stands on, so that what is stood on can be told from the database alone. */
export function mainMarksOf(object: NetworkObject, more: Readonly<Record<string, string>> = {}): ExternalIds {
  const on = standsOn(object).map(keyOf).join(" ");
  return marksOf(object, { ...(on !== "" && { on }), ...more });
}

/** What a placeholder carries: whose name it keeps, and in which VPC if it is of one. It is part of no object. */
export function placeholderMarks(of: NetworkObjectId, vpcId?: string): ExternalIds {
  return new Map([
    [ownerMark.key, ownerMark.value],
    ["photon:placeholder", keyOf(of)],
    ...(vpcId === undefined ? [] : [["photon:vpc", vpcId] as const]),
  ]);
}

function placeOf(object: NetworkObject): { readonly vpc?: string; readonly subnet?: string } {
  switch (object.type) {
    case "router":
    case "gateway":
      return { vpc: object.id };
    case "switch":
    case "router-port":
    case "dhcp":
    case "service-port":
      return { vpc: object.vpcId, subnet: object.id };
    case "port":
      return { vpc: object.vpcId, subnet: object.subnetId };
    case "elastic-ip":
    case "route":
    case "peering":
    case "flow-log":
      return { vpc: object.vpcId };
    case "filter":
    case "addresses":
    case "external-network":
      return {};
  }
}
