// One host of a private OVN: a network namespace with its own Open vSwitch and ovn-controller in it.
import { mkdir, readdir, rm } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { command } from "../../../linux/command.ts";
import { inside, ip } from "../../../linux/namespaces.ts";
import type { ChassisAddress } from "../chassis/chassis.ts";
import { common } from "./central.ts";
import type { DaemonSpec } from "./daemon.ts";
import type { Datapath } from "./datapath.ts";
import { hostDatabase } from "./host-database.ts";
import { encapAddress, encapMtu } from "./wires.ts";

export interface HostOptions {
  /** The whole OVN's folder. */
  readonly dir: string;
  /** From 1. */
  readonly number: number;
  readonly namespace: string;
  readonly datapath: Datapath;
  /** The Southbound's remote. */
  readonly southbound: string;
  /** The name of the wire beyond the cloud; undefined: there is none. */
  readonly physicalNetwork: string | undefined;
}

export interface Host {
  readonly address: ChassisAddress;
  /** In the order in which they are started. */
  readonly daemons: readonly DaemonSpec[];
}

/** The bridges, each of which has a device of the same name in the namespace. */
const bridges = ["br-int", "br-phy"];

/** Lays out a host's files. Its database is made anew: what it names besides its bridges went with the namespace. */
export async function prepareHost(options: HostOptions): Promise<Host> {
  const { dir, number, namespace } = options;
  const systemId = `h${number}`;
  const runDir = `${dir}/${systemId}`;
  await rm(runDir, { recursive: true, force: true });
  await mkdir(runDir, { recursive: true });
  await command("ovsdb-tool", ["create", `${runDir}/conf.db`, "/usr/share/openvswitch/vswitch.ovsschema"]);
  await command("ovsdb-tool", [
    "transact",
    `${runDir}/conf.db`,
    JSON.stringify(hostDatabase({ ...options, systemId })),
  ]);
  const database = `unix:${runDir}/db.sock`;
  const controllerLog = `${dir}/log/controller@${systemId}.log`;
  const address = { systemId, database, namespace, runDir, controllerLog };
  return {
    address,
    daemons: [databaseServer(dir, address), vswitchd(dir, address, options), controller(dir, address)],
  };
}

function databaseServer(dir: string, { systemId, runDir }: ChassisAddress): DaemonSpec {
  const name = `ovsdb-server@${systemId}`;
  const socket = `${runDir}/db.sock`;
  const words = [...common(dir, `${runDir}/ovsdb-server`, name), `--remote=punix:${socket}`, `${runDir}/conf.db`];
  return { name, words: ["ovsdb-server", ...words], socket };
}

/**
 * Both of the following find each other, and are found, in the run directory: it must be their own, or a second Open vSwitch on the
 * machine takes away the first one's management socket.
 */
function runDirOf({ runDir }: ChassisAddress): Record<string, string> {
  return { OVS_RUNDIR: runDir, OVN_RUNDIR: runDir };
}

function vswitchd(dir: string, address: ChassisAddress, { number, physicalNetwork }: HostOptions): DaemonSpec {
  const { namespace, database, runDir, systemId } = address;
  const name = `vswitchd@${systemId}`;
  const wanted = physicalNetwork === undefined ? bridges : [...bridges, "br-ex"];
  const words = inside(namespace, "ovs-vswitchd", database, ...inRunDir(dir, runDir, "ovs-vswitchd", name));
  const prepare = async (signal: AbortSignal, pid: number) => {
    await untilBridges(runDir, wanted, signal);
    await ip(namespace, `addr replace ${encapAddress(number)}/24 dev br-phy`, `link set br-phy up mtu ${encapMtu}`);
    await removeStaleSockets(runDir, "ovs-vswitchd", pid);
  };
  return { name, words, env: runDirOf(address), prepare };
}

function controller(dir: string, address: ChassisAddress): DaemonSpec {
  const { namespace, database, runDir, systemId } = address;
  const name = `controller@${systemId}`;
  const words = inside(namespace, "ovn-controller", database, ...inRunDir(dir, runDir, "ovn-controller", name));
  const prepare = (_: AbortSignal, pid: number) => removeStaleSockets(runDir, "ovn-controller", pid);
  return { name, words, env: runDirOf(address), prepare };
}

/** As `common`, but the control socket's name keeps the pid, as other programs expect of a run directory. */
function inRunDir(dir: string, runDir: string, program: string, name: string): readonly string[] {
  return common(dir, `${runDir}/${program}`, name).filter((word) => !word.startsWith("--unixctl="));
}

/** Resolves when vswitchd has made its bridges, and with them their devices. */
async function untilBridges(runDir: string, wanted: readonly string[], signal: AbortSignal): Promise<void> {
  const ask = ["-t", "ovs-vswitchd", "ofproto/list"];
  for (;;) {
    signal.throwIfAborted();
    const made = await command("ovs-appctl", ask, { env: { OVS_RUNDIR: runDir } }).catch(() => "");
    if (wanted.every((bridge) => made.split("\n").includes(bridge))) return;
    await wait(20);
  }
}

/** A daemon that was killed leaves its control socket. */
async function removeStaleSockets(runDir: string, program: string, pid: number): Promise<void> {
  for (const file of await readdir(runDir))
    if (file.startsWith(`${program}.`) && file.endsWith(".ctl") && file !== `${program}.${pid}.ctl`)
      await rm(`${runDir}/${file}`, { force: true });
}
