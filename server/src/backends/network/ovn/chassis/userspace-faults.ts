// Keeps an Open vSwitch in user space from two faults of its versions up to 3.1.2, each time that it starts:
// - The first packet of a connection with NAT that comes after it has timed out, and before that was noticed some seconds later, ends the whole switch
//   (T1, an assertion in conn_update_state). OVN makes of every connection that a filter lets through one with NAT that changes nothing, where the
//   switch says that it can (`ct_zero_snat`); it is told that this one can't. NAT that a gateway does is as before.
// - Of two remembered flows that overlap, it may change the wrong one when the rules change, and go by the old rules with the other as long as packets
//   come (T14, flow_put_on_pmd). Flows that match one packet exactly don't overlap, so it remembers only such.
import { command } from "../../../linux/command.ts";
import type { Database } from "../ovsdb/database.ts";

export const faultsMonitor = {
  Open_vSwitch: { columns: ["external_ids", "datapaths", "ovs_version"] },
  Datapath: { columns: ["capabilities"] },
};

/** The one in user space, among the datapaths of an Open vSwitch. */
const userspace = "netdev";
/** A switch that has just started says "true": by this it is known whether it is kept from its faults already. */
const capability = "ct_zero_snat";
/** The first of each series that does without the faults; later series never had T1. */
const mendedIn: Readonly<Record<string, number>> = { "2.17": 8, "3.0": 5, "3.1": 3, "3.2": 3 };
const lastSeries = [3, 2] as const;

/** Whether a version of Open vSwitch ("3.1.0") has the faults; one that can't be read counts as having them. */
export function isFaulty(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map((part) => Number.parseInt(part, 10) || 0);
  if (major > lastSeries[0] || (major === lastSeries[0] && minor > lastSeries[1])) return false;
  return patch < (mendedIn[`${major}.${minor}`] ?? Number.POSITIVE_INFINITY);
}

/** Looks now, and whenever the switch was started again. @param database a copy of what `faultsMonitor` names. */
export function keepFromFaults(
  database: Database,
  { runDir, log }: { readonly runDir: string; readonly log: (message: string, error?: unknown) => void },
): void {
  const look = async () => {
    for (const uuid of faultyDatapaths(database)) {
      await command("ovs-appctl", ["-t", "ovs-vswitchd", "upcall/disable-megaflows"], { env: { OVS_RUNDIR: runDir } });
      const insert = new Map([[capability, "false"]]);
      await database.transact([{ op: "mutate", table: "Datapath", uuid, column: "capabilities", insert }]);
    }
  };
  let last = Promise.resolve();
  const lookAgain = () => {
    last = last
      .then(look)
      .catch((error: unknown) => log("the Open vSwitch here can't be kept from its faults (T1, T14)", error));
  };
  lookAgain();
  database.onChange((changes) => {
    if (changes.some(({ table }) => table in faultsMonitor)) lookAgain();
  });
}

/** Those of faulty switches that have started and not been kept from their faults since. */
function faultyDatapaths(database: Database): readonly string[] {
  return [...database.rows("Open_vSwitch").values()].flatMap((host) => {
    const datapath = host.datapaths instanceof Map ? host.datapaths.get(userspace) : undefined;
    if (datapath === undefined || !isFaulty(String(host.ovs_version ?? ""))) return [];
    const capabilities = database.row("Datapath", String(datapath))?.capabilities;
    return capabilities instanceof Map && capabilities.get(capability) === "true" ? [String(datapath)] : [];
  });
}
