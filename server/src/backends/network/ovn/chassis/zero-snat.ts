// Keeps an Open vSwitch in user space from a fault of its connection tracking (T1): the first packet of a connection with NAT that comes after it has
// timed out, and before that was noticed some seconds later, ends the whole switch (an assertion in conn_update_state). A guest that asks for the time
// once a minute can do that. OVN makes of every connection that a filter lets through one with NAT that changes nothing, where the switch says that it
// can (`ct_zero_snat`); it is told that this one can't. NAT that a gateway does is as before.
import type { Database } from "../ovsdb/database.ts";

export const zeroSnatMonitor = {
  Open_vSwitch: { columns: ["external_ids", "datapaths", "ovs_version"] },
  Datapath: { columns: ["capabilities"] },
};

/** The one in user space, among the datapaths of an Open vSwitch. */
const userspace = "netdev";
const capability = "ct_zero_snat";
/** The first of each series that does without the fault; later series never had it. */
const mendedIn: Readonly<Record<string, number>> = { "2.17": 8, "3.0": 5, "3.1": 3, "3.2": 3 };
const lastSeries = [3, 2] as const;

/** Whether a version of Open vSwitch ("3.1.0") has the fault; one that can't be read counts as having it. */
export function isFaulty(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map((part) => Number.parseInt(part, 10) || 0);
  if (major > lastSeries[0] || (major === lastSeries[0] && minor > lastSeries[1])) return false;
  return patch < (mendedIn[`${major}.${minor}`] ?? Number.POSITIVE_INFINITY);
}

/** Looks now, and whenever the switch was started again. @param database a copy of what `zeroSnatMonitor` names. */
export function keepFromZeroSnat(database: Database, log: (message: string, error?: unknown) => void): void {
  const look = () => {
    for (const host of database.rows("Open_vSwitch").values()) {
      const datapath = host.datapaths instanceof Map ? host.datapaths.get(userspace) : undefined;
      const row = datapath === undefined ? undefined : database.row("Datapath", String(datapath));
      const can = row?.capabilities instanceof Map && row.capabilities.get(capability) === "true";
      if (!can || !isFaulty(String(host.ovs_version ?? ""))) continue;
      const insert = new Map([[capability, "false"]]);
      const change = {
        op: "mutate",
        table: "Datapath",
        uuid: String(datapath),
        column: "capabilities",
        insert,
      } as const;
      database
        .transact([change])
        .catch((error: unknown) => log(`the Open vSwitch here can't be kept from its fault T1`, error));
    }
  };
  look();
  database.onChange((changes) => {
    if (changes.some(({ table }) => table in zeroSnatMonitor)) look();
  });
}
