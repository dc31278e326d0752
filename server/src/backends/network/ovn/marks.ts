// Reads the marks on our rows (mapping/external-ids.ts writes them): whose a row is, and what it says of its object.
import type { NetworkObject, NetworkObjectId } from "../driver.ts";
import { ownerMark } from "./mapping/external-ids.ts";
import type { Row } from "./ovsdb/database.ts";

/** What a row of ours says of itself. */
export interface Mark {
  /** The object's key; undefined: it belongs to the driver, not to an object. */
  readonly key: string | undefined;
  /** On the row that says that the object is there: the keys that the object stands on. */
  readonly on: readonly string[] | undefined;
}

/** Undefined: not ours. */
export function markOf(row: Row): Mark | undefined {
  if (!isOurs(row)) return undefined;
  const [type, id, on] = [idIn(row, "photon:type"), idIn(row, "photon:id"), idIn(row, "photon:on")];
  return {
    key: type === undefined || id === undefined ? undefined : `${type}/${id}`,
    on: on?.split(" ").filter((key) => key !== ""),
  };
}

export function isOurs(row: Row | undefined): row is Row {
  return idIn(row, ownerMark.key) === ownerMark.value;
}

/** A value of a row's external_ids. */
export function idIn(row: Row | undefined, name: string): string | undefined {
  const ids = row?.external_ids;
  const value = ids instanceof Map ? ids.get(name) : undefined;
  return typeof value === "string" ? value : undefined;
}

const types: Readonly<Record<NetworkObject["type"], true>> = {
  router: true,
  switch: true,
  "router-port": true,
  dhcp: true,
  "service-port": true,
  port: true,
  filter: true,
  addresses: true,
  "external-network": true,
  gateway: true,
  "elastic-ip": true,
  route: true,
  peering: true,
  "flow-log": true,
};

function isType(text: string): text is NetworkObject["type"] {
  return Object.hasOwn(types, text);
}

/** The object that a key names; undefined: of a type that this version does not know. */
export function objectOf(key: string): NetworkObjectId | undefined {
  const slash = key.indexOf("/");
  const type = key.slice(0, slash);
  return isType(type) ? { type, id: key.slice(slash + 1) } : undefined;
}
