// What the driver keeps copies of.
import { ownerMark } from "./mapping/external-ids.ts";
import { columnsOf, tableNames } from "./mapping/tables.ts";
import type { MonitoredTable } from "./ovsdb/database.ts";

/**
 * All rows of the tables that we write, also others': an audit reports those, and a row that lost its mark is still in the way of a new one
 * with its UUID. And the counters by which northd and the hosts say how far they are.
 */
export const northboundTables: Readonly<Record<string, MonitoredTable>> = {
  ...Object.fromEntries(tableNames.map((table) => [table, { columns: columnsOf(table) }])),
  NB_Global: { columns: ["nb_cfg", "sb_cfg", "options"] },
};

/** Hosts, how far they are, and on which of them our ports are: northd copies a port's marks. */
export const southboundTables: Readonly<Record<string, MonitoredTable>> = {
  Chassis: { columns: ["name", "hostname", "external_ids", "other_config"] },
  Chassis_Private: { columns: ["name", "nb_cfg"] },
  Port_Binding: {
    columns: ["logical_port", "type", "chassis", "external_ids"],
    where: { column: "external_ids", includes: { [ownerMark.key]: ownerMark.value } },
  },
};
