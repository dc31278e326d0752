// This machine as a host of an OVN that its administrator set up: Debian's openvswitch-switch and ovn-host, or an Open vSwitch elsewhere on it.
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { openDatabase } from "../ovsdb/client.ts";
import type { ChassisAddress } from "./chassis.ts";

/** Where an Open vSwitch is that is not where packages put it. */
export interface ChassisPlace {
  /** Its database's remote. Default "unix:/var/run/openvswitch/db.sock". */
  readonly database?: string;
  /** The network namespace of its ovs-vswitchd (`ip netns` name). Default ours. */
  readonly namespace?: string;
  /** ovn-controller's log. Default where packages put it. */
  readonly controllerLog?: string;
}

const usualDatabase = "unix:/var/run/openvswitch/db.sock";
const usualLog = "/var/log/ovn/ovn-controller.log";
/** A local socket answers at once or not at all. Milliseconds. */
const patienceMs = 2_000;

/** Undefined: this machine is no host. */
export async function localChassis(place: ChassisPlace = {}): Promise<ChassisAddress | undefined> {
  const { database = usualDatabase, namespace, controllerLog = usualLog } = place;
  const socket = database.replace(/^unix:/, "");
  if (!existsSync(socket)) return undefined;
  const systemId = await systemIdOf(database);
  if (systemId === undefined) return undefined;
  return { systemId, database, namespace, runDir: dirname(socket), controllerLog };
}

/** Undefined: it does not answer, or nobody made it a host of an OVN. */
async function systemIdOf(database: string): Promise<string | undefined> {
  const monitor = { Open_vSwitch: { columns: ["external_ids"] } };
  const options = { remote: database, database: "Open_vSwitch", monitor, leaderOnly: false };
  const opened = await openDatabase(options, AbortSignal.timeout(patienceMs)).catch(() => undefined);
  if (opened === undefined) return undefined;
  const [row] = opened.rows("Open_vSwitch").values();
  await opened.close();
  const ids = row?.external_ids;
  if (!(ids instanceof Map) || !ids.has("ovn-remote") || !ids.has("system-id")) return undefined;
  return String(ids.get("system-id"));
}
