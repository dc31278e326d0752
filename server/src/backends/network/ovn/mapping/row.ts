// What a network object is in OVN's Northbound database: rows with UUIDs that follow from the object's id, so that every write is idempotent, rows can
// name each other without being read, and comparing is done key by key.
import type { NetworkObjectId } from "../../driver.ts";
import type { Row } from "../ovsdb/database.ts";

/** Tables that we write, root and non-root alike. */
export type Table =
  | "Logical_Router"
  | "Logical_Router_Port"
  | "Logical_Router_Static_Route"
  | "Logical_Router_Policy"
  | "Logical_Switch"
  | "Logical_Switch_Port"
  | "DHCP_Options"
  | "Port_Group"
  | "Address_Set"
  | "ACL"
  | "QoS"
  | "NAT"
  | "HA_Chassis_Group"
  | "HA_Chassis"
  | "Meter"
  | "Meter_Band";

/** That a row is in a set of another row: a port of a switch, a member of a group. A row of a non-root table must be in one. */
export interface Membership {
  readonly table: Table;
  readonly uuid: string;
  readonly column: string;
}

/** A row as it should be. */
export interface WantedRow {
  readonly table: Table;
  readonly uuid: string;
  /** Only the columns that are ours: what northd writes is not here. Sets that other rows put themselves into (ports, acls, nat, ...) are not here either. */
  readonly columns: Row;
  /** The sets that it must be in; of the sets of `setsOf` (members.ts) it must be in no other. */
  readonly memberOf: readonly Membership[];
  /** Made where it is missing and left alone otherwise: what another object owns, but this one needs the name of. */
  readonly placeholder?: true;
}

/** Columns to set in a row of another object, where that row is there: a port's DHCP options when its subnet's appear. */
export interface Patch {
  readonly table: Table;
  readonly uuid: string;
  readonly columns: Row;
}

/**
 * What an object is. Its first row is the one that says that the object is there. Among the others may be rows of another object that this
 * one is the first to need (a filter's in a VPC: row by row as that object itself would have them).
 */
export interface Compiled {
  readonly rows: readonly [WantedRow, ...WantedRow[]];
  readonly patches: readonly Patch[];
}

/** What compiling may ask of what is there already. */
export interface View {
  /** Whether an object is there. */
  has(object: NetworkObjectId): boolean;
  /** A row of any table, by its UUID. */
  row(uuid: string): { readonly row: Row } | undefined;
  /** The UUIDs of a table's rows that carry a key: `rowsWith("Logical_Switch_Port", "photon:subnet", subnetId)`. */
  rowsWith(table: Table, key: string, value: string): readonly { readonly uuid: string; readonly row: Row }[];
  /** What the server's schema has: older OVNs lack columns. */
  hasColumn(table: Table, column: string): boolean;
}
