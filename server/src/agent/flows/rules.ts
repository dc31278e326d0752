// What a host's line means: whose rule decided, on which port's packet, and which flow logs want to know. Read from the live copy of the
// Northbound by the marks on our rows; a port is looked for among those of the rule's own tenant alone.
import type { Database, MonitoredTable, Row } from "../../backends/network/ovn/ovsdb/database.ts";
import type { AclLine } from "./acl-line.ts";

/** What is needed of the Northbound. */
export const watchedTables: Readonly<Record<string, MonitoredTable>> = {
  ACL: { columns: ["external_ids"] },
  Meter: { columns: ["external_ids"] },
  Logical_Switch_Port: { columns: ["addresses", "external_ids"] },
};

/** A decision, told in our objects. */
export interface Decision {
  /** The flow logs that want it. */
  readonly flowLogIds: readonly string[];
  readonly portId: string;
  readonly filterId: string;
  readonly rule: string;
}

interface FlowLogPlace {
  readonly id: string;
  readonly tenant: string;
  readonly vpcId: string;
  readonly verdicts: string;
}

interface PortPlace {
  readonly portId: string;
  readonly vpcId: string;
  readonly addresses: readonly string[];
}

export class Rules {
  readonly #northbound: Pick<Database, "row" | "rows" | "onChange">;
  /** By tenant and MAC; made anew after a change, as are the logs. */
  #ports: ReadonlyMap<string, readonly PortPlace[]> | undefined;
  #logs: readonly FlowLogPlace[] | undefined;
  readonly #stop: () => void;

  constructor(northbound: Pick<Database, "row" | "rows" | "onChange">) {
    this.#northbound = northbound;
    this.#stop = northbound.onChange((changes) => {
      if (changes.some(({ table }) => table === "Logical_Switch_Port")) this.#ports = undefined;
      if (changes.some(({ table }) => table === "Meter")) this.#logs = undefined;
    });
  }

  close(): void {
    this.#stop();
  }

  /** The flow logs that are there. */
  flowLogIds(): ReadonlySet<string> {
    return new Set(this.#flowLogs().map(({ id }) => id));
  }

  /** Undefined: nobody wants to know, or it is no rule of ours. */
  decisionOf(line: AclLine): Decision | undefined {
    const rule = this.#northbound.row("ACL", line.rule);
    const tenant = idIn(rule, "photon:tenant");
    if (rule === undefined || tenant === "") return undefined;
    const vpcId = idIn(rule, "photon:vpc");
    const port = this.#portOf(line, tenant, vpcId);
    const flowLogIds = this.#flowLogs()
      .filter((log) => log.tenant === tenant && log.vpcId === vpcId && wants(log.verdicts, line.verdict))
      .map(({ id }) => id);
    if (flowLogIds.length === 0) return undefined;
    const isFilter = idIn(rule, "photon:type") === "filter";
    return {
      flowLogIds,
      portId: port?.portId ?? "",
      filterId: isFilter ? idIn(rule, "photon:id") : "",
      rule: isFilter ? idIn(rule, "photon:rule") : "",
    };
  }

  /** The local end, by its MAC; the address is the second witness: of a forwarding port it may be any. */
  #portOf(line: AclLine, tenant: string, vpcId: string): PortPlace | undefined {
    const ingress = line.direction === "ingress";
    const [mac, address] = ingress
      ? [line.destinationMac, line.destinationAddress]
      : [line.sourceMac, line.sourceAddress];
    this.#ports ??= this.#portsByMac();
    const near = (this.#ports.get(`${tenant} ${mac}`) ?? []).filter((port) => port.vpcId === vpcId);
    return near.find((port) => port.addresses.includes(address)) ?? (near.length === 1 ? near[0] : undefined);
  }

  #portsByMac(): ReadonlyMap<string, readonly PortPlace[]> {
    const ports = new Map<string, PortPlace[]>();
    for (const row of this.#northbound.rows("Logical_Switch_Port").values()) {
      if (idIn(row, "photon:type") !== "port") continue;
      const [mac = "", ...addresses] = addressesOf(row);
      const key = `${idIn(row, "photon:tenant")} ${mac}`;
      const place = { portId: idIn(row, "photon:id"), vpcId: idIn(row, "photon:vpc"), addresses };
      ports.set(key, [...(ports.get(key) ?? []), place]);
    }
    return ports;
  }

  #flowLogs(): readonly FlowLogPlace[] {
    this.#logs ??= [...this.#northbound.rows("Meter").values()]
      .filter((row) => idIn(row, "photon:type") === "flow-log")
      .map((row) => ({
        id: idIn(row, "photon:id"),
        tenant: idIn(row, "photon:tenant"),
        vpcId: idIn(row, "photon:vpc"),
        verdicts: idIn(row, "photon:verdicts"),
      }));
    return this.#logs;
  }
}

function wants(verdicts: string, verdict: AclLine["verdict"]): boolean {
  return verdicts === "all" || verdicts === verdict;
}

function addressesOf({ addresses }: Row): string[] {
  const [line = ""] = addresses instanceof Set ? addresses : [addresses];
  return String(line).split(" ");
}

function idIn(row: Row | undefined, name: string): string {
  const value = row?.external_ids instanceof Map ? row.external_ids.get(name) : undefined;
  return typeof value === "string" ? value : "";
}
