// Keeps each external network's group of gateway hosts equal to the hosts that have its wire. The host that holds it stays first: a gateway
// that goes back to a host which has just returned is dark for seconds, since that host's tunnels are up before its flows.
import { type Clock, systemClock } from "../../../clock.ts";
import type { Holdings } from "./holdings.ts";
import { ownerMark } from "./mapping/external-ids.ts";
import { gatewayGroupUuid, rowUuid } from "./mapping/uuids.ts";
import { idIn, objectOf } from "./marks.ts";
import type { Database, Operation, Row, RowChange } from "./ovsdb/database.ts";

/** Of the first host; each that follows has one less. OVN takes up to 32767. */
const firstPriority = 1000;

/**
 * How the hosts watch each other's tunnels: a dead gateway is missed after three of 300 ms. By OVN's own numbers it takes two and a half
 * seconds; a host that is merely busy must not count as dead.
 */
const probes = new Map([
  ["bfd-min-rx", "300"],
  ["bfd-min-tx", "300"],
  ["bfd-mult", "3"],
]);

/**
 * How long a host that was just set back is not put first again, in milliseconds. One whose switch hangs claims the gateways again and
 * again, as long as its controller has not seen the new order: each such moment would set it back to the first place.
 */
const settleMs = 5_000;

export interface GatewaysOptions {
  readonly northbound: Database;
  readonly southbound: Database;
  readonly holdings: Holdings;
  readonly log?: (message: string, error?: unknown) => void;
  readonly clock?: Clock;
}

/** A host that was first until another one held the gateways. */
interface SetBack {
  readonly host: string;
  readonly at: number;
}

/** A group's rows, by UUID. */
type Members = ReadonlyMap<string, Row | undefined>;

export class Gateways {
  readonly #options: GatewaysOptions;
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  /** By external network. */
  readonly #setBack = new Map<string, SetBack>();
  #stops: (() => void)[] = [];
  #running = false;
  #again = false;

  constructor(options: GatewaysOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  start(): void {
    const { northbound, southbound } = this.#options;
    const look = (changes: readonly RowChange[]) => {
      if (changes.some(concerns)) this.#wake();
    };
    this.#stops = [northbound.onChange(look), southbound.onChange(look), northbound.onReconnect(() => this.#wake())];
    this.#wake();
  }

  close(): void {
    for (const stop of this.#stops) stop();
    this.#closing.abort();
  }

  /** One at a time: what it does wakes it once more, to no effect. */
  #wake(): void {
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    setImmediate(() => void this.#run());
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#closing.signal.aborted) {
      this.#again = false;
      await this.#write(this.#wanted());
    }
    this.#running = false;
  }

  async #write(operations: readonly Operation[]): Promise<void> {
    if (operations.length === 0) return;
    try {
      await this.#options.northbound.transact(operations, this.#closing.signal);
    } catch (err) {
      // The next change, or the connection's return, looks again.
      if (!this.#closing.signal.aborted) this.#options.log?.("the groups of gateway hosts could not be written", err);
    }
  }

  #wanted(): Operation[] {
    const groups = [...this.#options.northbound.rows("HA_Chassis_Group")];
    return [...this.#probing(), ...groups.flatMap(([uuid, row]) => this.#groupOf(uuid, row))];
  }

  /** What an operator has set stays. */
  #probing(): Operation[] {
    return [...this.#options.northbound.rows("NB_Global")].flatMap(([uuid, { options }]) => {
      const missing = new Map([...probes].filter(([name]) => !(options instanceof Map && options.has(name))));
      return missing.size === 0 ? [] : [{ op: "mutate", table: "NB_Global", uuid, column: "options", insert: missing }];
    });
  }

  #groupOf(uuid: string, row: Row): Operation[] {
    const key = idIn(row, "photon:placeholder") ?? "";
    const network = objectOf(key);
    if (network?.type !== "external-network") return [];
    // A gateway that comes meanwhile brings its group itself.
    if (!this.#options.holdings.has(network)) return [{ op: "delete", table: "HA_Chassis_Group", uuid }];
    const present = this.#membersOf(row);
    const order = this.#order(network.id, present);
    // No host at all: the Southbound was just built anew, and they will be back in a moment.
    return order.length === 0 ? [] : membersTo(network.id, uuid, order, present);
  }

  #membersOf({ ha_chassis: members }: Row): Members {
    const uuids = members instanceof Set ? [...members].map(String) : [];
    return new Map(uuids.map((uuid) => [uuid, this.#options.northbound.row("HA_Chassis", uuid)]));
  }

  /** The hosts that have the wire, the one that holds the gateways first, the others as they are. */
  #order(id: string, present: Members): string[] {
    const rank = new Map([...present.values()].map((row) => [String(row?.chassis_name), -Number(row?.priority ?? 0)]));
    const [first] = [...rank].sort(([, a], [, b]) => a - b)[0] ?? [];
    const holder = this.#settled(id, this.#holderOf(id), first);
    if (holder !== undefined) rank.set(holder, Number.NEGATIVE_INFINITY);
    return this.#hostsOn(this.#wireOf(id)).sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0) || (a < b ? -1 : 1));
  }

  /** Who is to be first: the holder, unless it was set back a moment ago. */
  #settled(id: string, holder: string | undefined, first: string | undefined): string | undefined {
    if (holder === undefined || holder === first) return holder;
    const [now, before] = [this.#clock.now(), this.#setBack.get(id)];
    const left = before?.host === holder ? before.at + settleMs - now : 0;
    if (left > 0) {
      void this.#wakeAfter(left);
      return first;
    }
    if (first !== undefined) this.#setBack.set(id, { host: first, at: now });
    return holder;
  }

  async #wakeAfter(ms: number): Promise<void> {
    await this.#clock.sleep(ms, this.#closing.signal);
    if (!this.#closing.signal.aborted) this.#wake();
  }

  #wireOf(id: string): string | undefined {
    const options = this.#options.holdings.row(rowUuid({ type: "external-network", id }, "wire"))?.row.options;
    return options instanceof Map ? String(options.get("network_name")) : undefined;
  }

  /** Where an operator has named hosts that are to be gateways, only those. */
  #hostsOn(wire: string | undefined): string[] {
    const hosts = [...this.#options.southbound.rows("Chassis").values()];
    const named = hosts.filter((host) => settingOf(host, "ovn-cms-options").includes("enable-chassis-as-gw"));
    return (named.length > 0 ? named : hosts)
      .filter((host) => settingOf(host, "ovn-bridge-mappings").some((mapping) => mapping.split(":")[0] === wire))
      .map(({ name }) => String(name));
  }

  /** The host on which most of the network's gateways are. */
  #holderOf(id: string): string | undefined {
    const { southbound, holdings } = this.#options;
    const counts = new Map<string, number>();
    for (const row of southbound.rows("Port_Binding").values()) {
      if (row.type !== "chassisredirect" || typeof row.chassis !== "string") continue;
      const gateway = holdings.mainOf({ type: "gateway", id: idIn(row, "photon:id") ?? "" });
      if (gateway?.row.ha_chassis_group !== gatewayGroupUuid(id)) continue;
      const name = String(southbound.row("Chassis", row.chassis)?.name);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return [...counts].reduce<[string, number] | undefined>(
      (most, entry) => (most === undefined || entry[1] > most[1] ? entry : most),
      undefined,
    )?.[0];
  }
}

function membersTo(id: string, group: string, order: readonly string[], present: Members): Operation[] {
  const wanted = new Map(
    order.map((name, index) => [
      rowUuid({ type: "external-network", id }, `host ${name}`),
      { name, priority: Math.max(1, firstPriority - index) },
    ]),
  );
  const added = [...wanted.keys()].filter((uuid) => !present.has(uuid));
  const removed = [...present.keys()].filter((uuid) => !wanted.has(uuid));
  const operations: Operation[] = [...wanted].flatMap(([uuid, { name, priority }]): Operation[] => {
    if (!present.has(uuid))
      return [{ op: "insert", table: "HA_Chassis", uuid, row: { chassis_name: name, priority, external_ids: marks } }];
    return present.get(uuid)?.priority === priority
      ? []
      : [{ op: "update", table: "HA_Chassis", uuid, row: { priority } }];
  });
  if (added.length + removed.length === 0) return operations;
  const moves = {
    ...(added.length > 0 && { insert: new Set(added) }),
    ...(removed.length > 0 && { remove: new Set(removed) }),
  };
  return [...operations, { op: "mutate", table: "HA_Chassis_Group", uuid: group, column: "ha_chassis", ...moves }];
}

const marks: ReadonlyMap<string, string> = new Map([[ownerMark.key, ownerMark.value]]);

/** A list in a host's settings: old versions of ovn-controller write them into one column, newer ones into the other. */
function settingOf({ other_config: config, external_ids: ids }: Row, name: string): string[] {
  const value = [config, ids]
    .map((map) => (map instanceof Map ? map.get(name) : undefined))
    .find((text) => text !== undefined && text !== "");
  return typeof value === "string" ? value.split(",") : [];
}

function concerns({ table, before, after }: RowChange): boolean {
  switch (table) {
    case "HA_Chassis":
    case "HA_Chassis_Group":
    case "Chassis":
      return true;
    case "NB_Global":
      return before === undefined;
    case "Port_Binding":
      return after?.type === "chassisredirect";
    case "Logical_Switch_Port":
      return after?.type === "localnet";
    // The network is gone.
    case "Logical_Switch":
      return after === undefined;
    default:
      return false;
  }
}
