// What a host's Open_vSwitch database holds from the beginning: its bridges, and how its ovn-controller finds the rest of the cloud.
import type { Datapath } from "./datapath.ts";
import { encapAddress, encapMtu } from "./wires.ts";

export interface HostDatabaseOptions {
  readonly systemId: string;
  readonly number: number;
  readonly datapath: Datapath;
  readonly southbound: string;
  readonly physicalNetwork: string | undefined;
}

type Operation = Readonly<Record<string, unknown>>;

/**
 * How long Open vSwitch may go by what it remembers of old flows, in milliseconds: the least that it takes. Its default of 500 is for hosts with
 * hundreds of thousands of connections.
 */
const revalidateMs = "100";

/** A transaction for `ovsdb-tool`. With br-int made here, ovn-controller need not wait a second for it. */
export function hostDatabase(options: HostDatabaseOptions): readonly (string | Operation)[] {
  const { datapath, physicalNetwork } = options;
  const secure = { fail_mode: "secure", other_config: map({ "disable-in-band": "true" }) };
  const all = [
    bridge("br-int", [], { datapath_type: datapath, ...secure }),
    bridge("br-phy", ["eth0"], { datapath_type: datapath }),
    ...(physicalNetwork === undefined ? [] : [bridge("br-ex", ["eth1"], { datapath_type: datapath })]),
  ];
  const bridges = ["set", all.map(({ uuid }) => uuid)];
  const row = {
    bridges,
    external_ids: map(settingsOf(options)),
    other_config: map({ "max-revalidator": revalidateMs }),
  };
  const host = { op: "insert", table: "Open_vSwitch", row };
  return ["Open_vSwitch", ...all.flatMap(({ operations }) => operations), host];
}

function settingsOf({ systemId, number, datapath, southbound, physicalNetwork }: HostDatabaseOptions) {
  return {
    "system-id": systemId,
    hostname: systemId,
    "ovn-remote": southbound,
    "ovn-encap-type": "geneve",
    "ovn-encap-ip": encapAddress(number),
    "ovn-bridge-datapath-type": datapath,
    ...(physicalNetwork !== undefined && { "ovn-bridge-mappings": `${physicalNetwork}:br-ex` }),
  };
}

/** A bridge with its own device and others. */
function bridge(name: string, devices: readonly string[], columns: Operation) {
  const own = port(name, { type: "internal", ...(name === "br-phy" && { mtu_request: encapMtu }) });
  const ports = [own, ...devices.map((device) => port(device, {}))];
  const uuid = named(`bridge_${name}`);
  const row = { name, ...columns, ports: ["set", ports.map((made) => made.uuid)] };
  const insert = { op: "insert", table: "Bridge", "uuid-name": uuid[1], row };
  return { uuid, operations: [...ports.flatMap(({ operations }) => operations), insert] };
}

function port(name: string, columns: Operation) {
  const uuid = named(`port_${name}`);
  const nic = named(`interface_${name}`);
  const operations = [
    { op: "insert", table: "Interface", "uuid-name": nic[1], row: { name, ...columns } },
    { op: "insert", table: "Port", "uuid-name": uuid[1], row: { name, interfaces: nic } },
  ];
  return { uuid, operations };
}

/** Names of rows within a transaction have no dashes. */
function named(name: string): readonly ["named-uuid", string] {
  return ["named-uuid", name.replaceAll("-", "_")];
}

function map(entries: Readonly<Record<string, string>>) {
  return ["map", Object.entries(entries)];
}
