// This machine as a host of an OVN that its administrator set up: Debian's openvswitch-switch and ovn-host.
import { existsSync } from "node:fs";
import { openDatabase } from "../ovsdb/client.ts";
import type { ChassisAddress } from "./chassis.ts";

const runDir = "/var/run/openvswitch";
/** A local socket answers at once or not at all. Milliseconds. */
const patienceMs = 2_000;

/** Undefined: this machine is no host. */
export async function localChassis(): Promise<ChassisAddress | undefined> {
  if (!existsSync(`${runDir}/db.sock`)) return undefined;
  const database = `unix:${runDir}/db.sock`;
  const monitor = { Open_vSwitch: { columns: ["external_ids"] } };
  const options = { remote: database, database: "Open_vSwitch", monitor, leaderOnly: false };
  const opened = await openDatabase(options, AbortSignal.timeout(patienceMs)).catch(() => undefined);
  if (opened === undefined) return undefined;
  const [row] = opened.rows("Open_vSwitch").values();
  await opened.close();
  const ids = row?.external_ids;
  if (!(ids instanceof Map) || !ids.has("ovn-remote") || !ids.has("system-id")) return undefined;
  const controllerLog = "/var/log/ovn/ovn-controller.log";
  return { systemId: String(ids.get("system-id")), database, namespace: undefined, runDir, controllerLog };
}
