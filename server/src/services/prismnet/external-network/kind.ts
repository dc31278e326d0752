// External networks: what lies beyond the cloud. The operator makes them for everybody; tenants join their VPCs to them.
import { type ExternalNetwork, ExternalNetworkSchema } from "@photoncloud/proto/gen/prismnet/v1/external_network_pb";
import { invalidField } from "../../../fault.ts";
import {
  addressAt,
  encloses,
  formatIp,
  type IpNetwork,
  includes,
  overlaps,
  parseIp,
  parseNetwork,
} from "../../../ip.ts";
import { type Admission, defineKind } from "../../kind.ts";
import { usableIn } from "./addresses.ts";
import { externalNetworkNetwork, externalNetworkReconciler } from "./kind.steps.ts";

/** The largest and the smallest network, as prefix lengths: a /8 is more than anyone has, a /30 has one address beside the gateway's. */
const [shortest, longest] = [8, 30];

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

function needNetwork(path: string, text: string): IpNetwork {
  const network = parseNetwork(text);
  if (network === undefined)
    throw invalidField(path, "format", `${text} is no IPv4 network; write one like 203.0.113.0/24`);
  return network;
}

/** @throws Fault INVALID_FIELDS on "gateway". */
function checkGateway(gateway: string, network: IpNetwork, cidr: string): void {
  const address = parseIp(gateway);
  const [first, last] = [addressAt(network, 1n), addressAt(network, -2n)];
  const hint = `use the address of the router there, from ${formatIp(first)} to ${formatIp(last)}`;
  if (address === undefined || !includes(network, address))
    throw invalidField("gateway", "range", `${gateway} is not inside ${cidr}; ${hint}`);
  if (address.value < first.value || address.value > last.value)
    throw invalidField("gateway", "range", `${gateway} is the network's or the broadcast address of ${cidr}; ${hint}`);
}

/** Fills what is left out, and checks that it fits together. @throws Fault INVALID_FIELDS */
function settle(next: ExternalNetwork): void {
  const network = needNetwork("cidr", next.cidr);
  if (network.prefixLength < shortest || network.prefixLength > longest)
    throw invalidField("cidr", "range", `${next.cidr} is not between /${shortest} and /${longest}`);
  next.gateway ??= formatIp(addressAt(network, 1n));
  next.poolCidr ??= next.cidr;
  next.physicalNetwork ??= "external";
  if (next.name === "") next.name = next.id;
  checkGateway(next.gateway, network, next.cidr);
  if (!encloses(network, needNetwork("pool_cidr", next.poolCidr)))
    throw invalidField("pool_cidr", "range", `${next.poolCidr} is not inside ${next.cidr}; use a part of that`);
  if (usableIn(next) === 0)
    throw invalidField(
      "pool_cidr",
      "range",
      `${next.poolCidr} has no address to give away; use a larger part of ${next.cidr}`,
    );
}

const isSameWire = (one: ExternalNetwork, other: ExternalNetwork) =>
  one.physicalNetwork === other.physicalNetwork && one.vlanId === other.vlanId;

/** @throws Fault INVALID_FIELDS on "cidr", naming the network that it overlaps. */
async function checkOverlap(admission: Admission, next: ExternalNetwork): Promise<void> {
  const network = needNetwork("cidr", next.cidr);
  for (const { id, message } of await admission.list(ExternalNetworkSchema))
    if (id !== next.id && isSameWire(message, next) && overlaps(needNetwork("cidr", message.cidr), network))
      throw invalidField(
        "cidr",
        "overlap",
        `${next.cidr} overlaps ${message.cidr} of external network ${id} on the same wire; use another network, physical_network or vlan_id`,
      );
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
