// The host's end of the network, by its Open_vSwitch database: a device becomes a port of the integration bridge that names our port, and
// ovn-controller does the rest.
import { randomUUID } from "node:crypto";
import { DriverError } from "../../../driver-error.ts";
import type { Connection, HostNetwork } from "../../host-network.ts";
import { openDatabase } from "../ovsdb/client.ts";
import { type Atom, type Database, type Operation, OvsdbError, type Row, type Value } from "../ovsdb/database.ts";
import type { ChassisAddress } from "./chassis.ts";
import { readConnections, type Switch, writeConnections } from "./conntrack.ts";
import { faultsMonitor, keepFromFaults } from "./userspace-faults.ts";

/** Marks the interfaces that we plugged. */
const owner = ["photon:owner", "photoncloud"] as const;
/** By which ovn-controller knows what an interface is for. */
const portKey = "iface-id";
/** By which ovn-controller tells a port's zone of connections. It tells it when it has emptied it. */
const zoneKey = (portId: string) => `ct-zone-${portId}`;
/** How many connections of a port go on when it moves. */
const mostConnections = 20_000;
/** How long it is waited for until a port that was plugged is this host's, in milliseconds. */
const claimedMs = 60_000;

const monitor = {
  ...faultsMonitor,
  Bridge: { columns: ["name", "ports", "external_ids", "datapath_type"] },
  Port: { columns: ["name", "interfaces"] },
  Interface: { columns: ["name", "external_ids"] },
};

/** Connects to a host's Open vSwitch. @throws OvsdbError "closed" if the signal aborts before it answers. */
export async function openHostNetwork(
  address: ChassisAddress,
  options: { readonly log?: (message: string, error?: unknown) => void; readonly signal?: AbortSignal } = {},
): Promise<HostNetwork> {
  const { log = () => {}, signal } = options;
  const remote = { remote: address.database, database: "Open_vSwitch", leaderOnly: false };
  const database = await openDatabase({ ...remote, monitor, log }, signal);
  keepFromFaults(database, { runDir: address.runDir, log });
  return new OpenVswitch(address, database, log);
}

class OpenVswitch implements HostNetwork {
  readonly hostId: string;
  readonly namespace: string | undefined;
  readonly #runDir: string;
  readonly #database: Database;
  readonly #log: (message: string, error: unknown) => void;

  constructor(
    { systemId, namespace, runDir }: ChassisAddress,
    database: Database,
    log: (message: string, error: unknown) => void,
  ) {
    this.hostId = systemId;
    this.namespace = namespace;
    this.#runDir = runDir;
    this.#database = database;
    this.#log = log;
  }

  async plug({ name, portId }: { readonly name: string; readonly portId: string }, signal: AbortSignal): Promise<void> {
    const known = this.#find("Interface", name);
    if (known !== undefined) {
      if (idsOf(known.row).get(portKey) !== portId) await this.#transact([this.#claim(known.uuid, portId)], signal);
      return;
    }
    const nic = randomUUID();
    const port = randomUUID();
    const ids = new Map([[portKey, portId], owner]);
    await this.#transact(
      [
        { op: "insert", table: "Interface", uuid: nic, row: { name, external_ids: ids } },
        { op: "insert", table: "Port", uuid: port, row: { name, interfaces: new Set([nic]) } },
        { op: "mutate", table: "Bridge", uuid: this.#bridge().uuid, column: "ports", insert: new Set([port]) },
      ],
      signal,
    );
  }

  async unplug(deviceName: string, signal: AbortSignal): Promise<void> {
    const port = this.#find("Port", deviceName);
    if (port === undefined) return;
    const remove = new Set([port.uuid]);
    await this.#transact(
      [{ op: "mutate", table: "Bridge", uuid: this.#bridge().uuid, column: "ports", remove }],
      signal,
    );
  }

  async plugged(): Promise<readonly { readonly name: string; readonly portId: string }[]> {
    return [...this.#database.rows("Interface").values()].flatMap((row) => {
      const ids = idsOf(row);
      const portId = ids.get(portKey);
      return ids.get(owner[0]) === owner[1] && portId !== undefined
        ? [{ name: String(row.name), portId: String(portId) }]
        : [];
    });
  }

  async connections(portId: string, signal: AbortSignal): Promise<readonly Connection[]> {
    try {
      const zone = this.#zone(portId);
      if (zone === undefined) return [];
      return await readConnections(this.#switch(), zone, { most: mostConnections, signal });
    } catch (error) {
      signal.throwIfAborted();
      this.#log(`the connections of port ${portId} can't be read: some may stop when it moves`, error);
      return [];
    }
  }

  async adopt(portId: string, connections: readonly Connection[], signal: AbortSignal): Promise<void> {
    if (connections.length === 0) return;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(claimedMs)]);
    try {
      const zone = await this.#database.until(() => this.#zone(portId), limit);
      await writeConnections(this.#switch(), zone, { connections, signal: limit });
    } catch (error) {
      if (!signal.aborted)
        this.#log(`connections of port ${portId} could not be taken over: some may have stopped`, error);
    }
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  #claim(uuid: string, portId: string): Operation {
    const insert = new Map([[portKey, portId], owner]);
    return { op: "mutate", table: "Interface", uuid, column: "external_ids", insert };
  }

  /** Undefined: the port is not this host's. */
  #zone(portId: string): number | undefined {
    const zone = idsOf(this.#bridge().row).get(zoneKey(portId));
    return zone === undefined ? undefined : Number(zone);
  }

  #switch(): Switch {
    const { name, datapath_type: type } = this.#bridge().row;
    return { runDir: this.#runDir, bridge: String(name), datapathType: String(type) };
  }

  /** The integration bridge, whose name the host's administrator may have chosen. */
  #bridge(): { readonly uuid: string; readonly row: Row } {
    const [host] = this.#database.rows("Open_vSwitch").values();
    const name = String((host && idsOf(host).get("ovn-bridge")) ?? "br-int");
    const bridge = this.#find("Bridge", name);
    if (bridge !== undefined) return bridge;
    throw new DriverError(
      "unavailable",
      `host ${this.hostId} has no bridge ${name} yet: does ovn-controller run there?`,
    );
  }

  #find(
    table: "Bridge" | "Port" | "Interface",
    name: string,
  ): { readonly uuid: string; readonly row: Row } | undefined {
    for (const [uuid, row] of this.#database.rows(table)) if (row.name === name) return { uuid, row };
    return undefined;
  }

  async #transact(operations: readonly Operation[], signal: AbortSignal): Promise<void> {
    try {
      await this.#database.transact(operations, signal);
    } catch (error) {
      if (signal.aborted || !(error instanceof OvsdbError)) throw error;
      throw new DriverError("unavailable", `the Open vSwitch of host ${this.hostId} did not take it`, { cause: error });
    }
  }
}

function idsOf(row: Row): ReadonlyMap<Atom, Atom> {
  const ids: Value = row.external_ids;
  return ids instanceof Map ? ids : new Map();
}
