// External networks: what lies beyond the cloud. The operator makes them for everybody; tenants join their VPCs to them.
import { type ExternalNetwork, ExternalNetworkSchema } from "@photoncloud/proto/gen/prismnet/v1/external_network_pb";
import { invalidField } from "../../../fault.ts";
import {
  addressAt,
  encloses,
  formatIp,
  formatNetwork,
  type IpNetwork,
  includes,
  overlaps,
  parseIp,
  parseNetwork,
} from "../../../ip.ts";
import { type Admission, defineKind } from "../../kind.ts";
import { usableIn } from "./addresses.ts";
import { externalNetworkNetwork, externalNetworkReconciler } from "./kind.steps.ts";

/** The space of all external networks' ids. */
const everyNetwork = "external networks";

/** The ids of all external networks, from wherever they are asked for. */
export async function externalNetworkIds(admission: Admission): Promise<readonly string[]> {
  return [...(await admission.claimed(everyNetwork))].sort();
}

/** @throws Fault INVALID_FIELDS: the whole cloud shares the wires, so a tenant can't lay claim to one. */
function checkScope({ orgId, projectId }: ExternalNetwork): void {
  const path = projectId === "" ? "org_id" : "project_id";
  if (orgId !== "" || projectId !== "")
    throw invalidField(
      path,
      "conflict",
      "an external network is the whole cloud's; its operator makes it without an org and a project, and every VPC may be joined to it",
    );
}

/** What a network of a family may be, and the names of its fields. */
interface Rules {
  readonly family: IpNetwork["family"];
  /** The largest and the smallest, as prefix lengths. */
  readonly shortest: number;
  readonly longest: number;
  readonly usual: string;
  readonly paths: { readonly cidr: string; readonly gateway: string; readonly pool: string };
}

/** A /8 is more than anyone has, a /30 has one address beside the gateway's. */
const ipv4: Rules = {
  family: 4,
  shortest: 8,
  longest: 30,
  usual: "203.0.113.0/24",
  paths: { cidr: "cidr", gateway: "gateway", pool: "pool_cidr" },
};
/** From what a registry gives a provider (a /32) to a part of a subnet with some addresses to give away. */
const ipv6: Rules = {
  family: 6,
  shortest: 32,
  longest: 120,
  usual: "2001:db8:113::/64",
  paths: { cidr: "ipv6_cidr", gateway: "ipv6_gateway", pool: "ipv6_pool_cidr" },
};

function needNetwork(path: string, text: string, { family, usual }: Rules): IpNetwork {
  const network = parseNetwork(text);
  if (network?.family !== family)
    throw invalidField(path, "format", `${text} is no IPv${family} network; write one like ${usual}`);
  return network;
}

/** @throws Fault INVALID_FIELDS on the gateway. */
function checkGateway(path: string, gateway: string, network: IpNetwork, cidr: string): void {
  const address = parseIp(gateway);
  const [first, last] = [addressAt(network, 1n), addressAt(network, -2n)];
  const hint = `use the address of the router there, from ${formatIp(first)} to ${formatIp(last)}`;
  if (address === undefined || !includes(network, address))
    throw invalidField(path, "range", `${gateway} is not inside ${cidr}; ${hint}`);
  if (address.value < first.value || address.value > last.value)
    throw invalidField(path, "range", `${gateway} is the network's or the broadcast address of ${cidr}; ${hint}`);
}

interface Given {
  readonly cidr: string;
  readonly gateway: string | undefined;
  readonly pool: string | undefined;
}

/** What is left out, filled. @throws Fault INVALID_FIELDS */
function settled(given: Given, rules: Rules): { readonly gateway: string; readonly pool: string } {
  const { cidr, gateway: at, pool = cidr } = given;
  const { paths, shortest, longest } = rules;
  const network = needNetwork(paths.cidr, cidr, rules);
  if (network.prefixLength < shortest || network.prefixLength > longest)
    throw invalidField(paths.cidr, "range", `${cidr} is not between /${shortest} and /${longest}`);
  const gateway = at ?? formatIp(addressAt(network, 1n));
  checkGateway(paths.gateway, gateway, network, cidr);
  if (!encloses(network, needNetwork(paths.pool, pool, rules)))
    throw invalidField(paths.pool, "range", `${pool} is not inside ${cidr}; use a part of that`);
  return { gateway, pool };
}

/** @throws Fault INVALID_FIELDS where all of a pool are the network's own addresses. */
function checkPool(next: ExternalNetwork, { cidr, pool }: Given, { family, paths }: Rules): void {
  if (usableIn(next, family) === 0)
    throw invalidField(paths.pool, "range", `${pool} has no address to give away; use a larger part of ${cidr}`);
}

/** Fills what is left out, and checks that it fits together. @throws Fault INVALID_FIELDS */
function settle(next: ExternalNetwork): void {
  next.physicalNetwork ??= "external";
  if (next.name === "") next.name = next.id;
  const given = { cidr: next.cidr, gateway: next.gateway, pool: next.poolCidr };
  const four = settled(given, ipv4);
  next.gateway = four.gateway;
  next.poolCidr = four.pool;
  checkPool(next, { ...given, ...four }, ipv4);
  settleIpv6(next);
}

function settleIpv6(next: ExternalNetwork): void {
  const { ipv6Cidr, ipv6Gateway, ipv6PoolCidr } = next;
  if (ipv6Cidr === undefined) {
    for (const [path, value] of Object.entries({ ipv6_gateway: ipv6Gateway, ipv6_pool_cidr: ipv6PoolCidr }))
      if (value !== undefined)
        throw invalidField(path, "conflict", "there is no ipv6_cidr; give that too, or leave this out");
    return;
  }
  const given = { cidr: ipv6Cidr, gateway: ipv6Gateway, pool: ipv6PoolCidr };
  const six = settled(given, ipv6);
  next.ipv6Gateway = six.gateway;
  next.ipv6PoolCidr = six.pool;
  checkPool(next, { ...given, ...six }, ipv6);
}

const isSameWire = (one: ExternalNetwork, other: ExternalNetwork) =>
  one.physicalNetwork === other.physicalNetwork && one.vlanId === other.vlanId;

/** Its networks, with the fields that they are in. */
function networksOf({ cidr, ipv6Cidr }: ExternalNetwork): readonly (readonly [path: string, network: IpNetwork])[] {
  const six = ipv6Cidr === undefined ? [] : [["ipv6_cidr", needNetwork("ipv6_cidr", ipv6Cidr, ipv6)] as const];
  return [["cidr", needNetwork("cidr", cidr, ipv4)], ...six];
}

/** @throws Fault INVALID_FIELDS on "cidr" or "ipv6_cidr", naming the network that it overlaps. */
async function checkOverlap(admission: Admission, next: ExternalNetwork): Promise<void> {
  const others = (await admission.list(ExternalNetworkSchema)).filter(
    ({ id, message }) => id !== next.id && isSameWire(message, next),
  );
  for (const { id, message } of others)
    for (const [path, own] of networksOf(next)) {
      const [, taken] = networksOf(message).find(([, network]) => overlaps(network, own)) ?? [];
      if (taken === undefined) continue;
      const problem = `${formatNetwork(own)} overlaps ${formatNetwork(taken)} of external network ${id} on the same wire`;
      throw invalidField(path, "overlap", `${problem}; use another network, physical_network or vlan_id`);
    }
}

export const externalNetworkKind = defineKind({
  schema: ExternalNetworkSchema,
  uniqueName: "none",
  async admit(admission, next, prior) {
    checkScope(next);
    if (prior === undefined) {
      settle(next);
      admission.guard(everyNetwork);
      await checkOverlap(admission, next);
    }
    admission.claim({ space: everyNetwork, key: next.id });
  },
  reconciler: externalNetworkReconciler,
  network: externalNetworkNetwork,
});
