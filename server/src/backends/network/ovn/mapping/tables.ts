// Which columns of which tables are ours to write, and which we read besides.
import { setsOf } from "./members.ts";
import type { Table } from "./row.ts";

interface Columns {
  /** Written and compared by us. */
  readonly managed: readonly string[];
  /** Written by northd, read by us. */
  readonly watched?: readonly string[];
}

/** Every table that we write. A column that is in none of the lists is not ours: we neither read nor touch it. */
export const tables: Readonly<Record<Table, Columns>> = {
  Logical_Router: { managed: ["name", "enabled", "options", "external_ids"] },
  Logical_Router_Port: {
    managed: ["name", "mac", "networks", "peer", "ha_chassis_group", "options", "ipv6_ra_configs", "external_ids"],
  },
  Logical_Router_Static_Route: { managed: ["ip_prefix", "nexthop", "output_port", "external_ids"] },
  Logical_Router_Policy: { managed: ["priority", "match", "action", "external_ids"] },
  Logical_Switch: { managed: ["name", "other_config", "external_ids"] },
  Logical_Switch_Port: {
    managed: [
      "name",
      "type",
      "addresses",
      "port_security",
      "enabled",
      "options",
      "tag_request",
      "dhcpv4_options",
      "dhcpv6_options",
      "external_ids",
    ],
    watched: ["up"],
  },
  DHCP_Options: { managed: ["cidr", "options", "external_ids"] },
  Port_Group: { managed: ["name", "external_ids"] },
  Address_Set: { managed: ["name", "addresses", "external_ids"] },
  ACL: {
    managed: ["name", "priority", "direction", "match", "action", "log", "severity", "meter", "external_ids"],
  },
  QoS: { managed: ["priority", "direction", "match", "bandwidth", "external_ids"] },
  NAT: { managed: ["type", "external_ip", "logical_ip", "options", "external_ids"] },
  HA_Chassis_Group: { managed: ["name", "external_ids"] },
  HA_Chassis: { managed: ["chassis_name", "priority", "external_ids"] },
  Meter: { managed: ["name", "unit", "fair", "bands", "external_ids"] },
  Meter_Band: { managed: ["action", "rate", "burst_size", "external_ids"] },
};

export const tableNames = Object.keys(tables).filter((name): name is Table => name in tables);

/** All columns of a table that a copy of it needs: ours, what is read besides, and the sets that members are in. */
export function columnsOf(table: Table): readonly string[] {
  const { managed, watched = [] } = tables[table];
  return [...managed, ...watched, ...setsOf(table)];
}
