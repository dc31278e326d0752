// Sets that other rows put themselves into. A row says which ones it is in (`memberOf`); the row that has the set does not list its members.
import type { Membership, Table } from "./row.ts";

const sets: Partial<Record<Table, readonly string[]>> = {
  Logical_Router: ["ports", "static_routes", "nat", "policies"],
  Logical_Switch: ["ports", "qos_rules"],
  Port_Group: ["ports", "acls"],
  HA_Chassis_Group: ["ha_chassis"],
};

/** A table's columns that are filled by membership alone. */
export function setsOf(table: Table): readonly string[] {
  return sets[table] ?? [];
}

/** The sets that rows of a table may be in: the tables that have one, with the column. */
export function homesOf(table: Table): readonly { readonly table: Table; readonly column: string }[] {
  return homes[table] ?? [];
}

const homes: Partial<Record<Table, readonly { readonly table: Table; readonly column: string }[]>> = {
  Logical_Router_Port: [{ table: "Logical_Router", column: "ports" }],
  Logical_Router_Static_Route: [{ table: "Logical_Router", column: "static_routes" }],
  NAT: [{ table: "Logical_Router", column: "nat" }],
  Logical_Router_Policy: [{ table: "Logical_Router", column: "policies" }],
  Logical_Switch_Port: [
    { table: "Logical_Switch", column: "ports" },
    { table: "Port_Group", column: "ports" },
  ],
  QoS: [{ table: "Logical_Switch", column: "qos_rules" }],
  ACL: [{ table: "Port_Group", column: "acls" }],
  HA_Chassis: [{ table: "HA_Chassis_Group", column: "ha_chassis" }],
};

/** A membership in a few words. */
export const inSet = (table: Table, uuid: string, column: string): Membership => ({ table, uuid, column });
