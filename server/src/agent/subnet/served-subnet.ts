// Which subnets a host has to serve, read from the Southbound alone: those that have a port bound on the host. northd copies our marks there.
import type { Database, MonitoredTable, Row } from "../../backends/network/ovn/ovsdb/database.ts";
import { includes, parseIp, parseNetwork } from "../../ip.ts";
import type { Place } from "../directory.ts";

/** A subnet to serve, and how the host is to stand in it. */
export interface ServedSubnet {
  readonly place: Place;
  /** The logical port that the service's device is plugged into. */
  readonly portId: string;
  readonly macAddress: string;
  /** Where names are answered, with the subnet's prefix length: "10.0.1.254/24", and the same for IPv6. */
  readonly addresses: readonly string[];
  /** The subnet's routers, one for each family. */
  readonly gateways: readonly string[];
}

/** What has to be watched of the Southbound. */
export const watched = {
  Chassis: { columns: ["name"] },
  Port_Binding: {
    columns: ["logical_port", "type", "mac", "chassis", "external_ids"],
    where: { column: "external_ids", includes: { "photon:owner": "photoncloud" } },
  },
} as const satisfies Record<string, MonitoredTable>;

function mark(row: Row, name: string): string {
  const value = row.external_ids instanceof Map ? row.external_ids.get(`photon:${name}`) : undefined;
  return typeof value === "string" ? value : "";
}

/** The words of a binding's MAC column: a MAC and addresses. */
function wordsOf(row: Row | undefined): readonly string[] {
  const mac = row?.mac;
  const [first] = mac instanceof Set ? mac : [mac];
  return typeof first === "string" ? first.split(" ").filter((word) => word !== "") : [];
}

function placeOf(row: Row): Place {
  const [org = "", project = ""] = mark(row, "tenant").split("/");
  return { org, project, vpcId: mark(row, "vpc"), subnetId: mark(row, "subnet") };
}

/** The address with the prefix length of the router's network that it is in. */
function withLength(address: string, networks: readonly string[]): string | undefined {
  const ip = parseIp(address);
  const found = networks.find((text) => {
    const network = parseNetwork(text);
    return ip !== undefined && network !== undefined && includes(network, ip);
  });
  return found === undefined ? undefined : `${address}/${found.split("/")[1]}`;
}

function subnetOf(service: Row, router: Row): ServedSubnet | undefined {
  const [macAddress = "", ...own] = wordsOf(service);
  const networks = wordsOf(router)
    .slice(1)
    .filter((text) => !text.startsWith("fe80:"));
  const addresses = own.map((address) => withLength(address, networks)).filter((one) => one !== undefined);
  if (macAddress === "" || addresses.length === 0) return undefined;
  const gateways = networks.map((text) => text.split("/")[0] ?? "");
  return { place: placeOf(service), portId: String(service.logical_port), macAddress, addresses, gateways };
}

/** The subnets that have a port on a host, by id. One whose service port or router is not there yet is left out. */
export function servedSubnets(southbound: Pick<Database, "rows">, systemId: string): ReadonlyMap<string, ServedSubnet> {
  const chassis = [...southbound.rows("Chassis")].find(([, row]) => row.name === systemId)?.[0];
  const wanted = new Set<string>();
  const services = new Map<string, Row>();
  const routers = new Map<string, Row>();
  for (const row of southbound.rows("Port_Binding").values()) {
    const subnetId = mark(row, "subnet");
    if (row.type === "localport") services.set(subnetId, row);
    else if (row.logical_port === `lrp-${subnetId}`) routers.set(subnetId, row);
    else if (chassis !== undefined && row.chassis === chassis && mark(row, "type") === "port") wanted.add(subnetId);
  }
  const found = [...wanted].map((subnetId) => {
    const [service, router] = [services.get(subnetId), routers.get(subnetId)];
    return [subnetId, service && router && subnetOf(service, router)] as const;
  });
  return new Map(found.filter((one): one is [string, ServedSubnet] => one[1] !== undefined));
}
