// Elastic IPs: addresses of an external network that stay while they move from port to port.
import { type ElasticIp, ElasticIpSchema, IpFamily } from "@photoncloud/proto/gen/prismnet/v1/elastic_ip_pb";
import { ExternalNetworkSchema } from "@photoncloud/proto/gen/prismnet/v1/external_network_pb";
import { invalidField } from "../../../fault.ts";
import { type Admission, defineKind } from "../../kind.ts";
import { checkAddress, claimAddress, drawAddress, familyOf, releaseAddress } from "../external-network/addresses.ts";
import { needGateway } from "../vpc/gateway.ts";
import { elasticIpNetwork, elasticIpReconciler } from "./kind.steps.ts";
import { checkIpv6, checkJoined, meantNetwork, vpcOfPort } from "./place.ts";

/** One elastic IP of a family a port: the port's packets leave with one address. The part before the bar is the field that holds the key. */
const onePerPort = { 4: "port_id|elastic IPs", 6: "port_id|IPv6 elastic IPs" } as const;

/** @throws Fault INVALID_FIELDS on "family" where the address is of the other one. */
function settleFamily(next: ElasticIp): 4 | 6 {
  const { address, family: asked = IpFamily.UNSPECIFIED } = next;
  const wanted = asked === IpFamily.IPV6 ? 6 : 4;
  const family = address === undefined ? wanted : familyOf(address);
  if (asked !== IpFamily.UNSPECIFIED && family !== wanted)
    throw invalidField("family", "conflict", `${address} is no IPv${wanted} address; leave one of the two out`);
  next.family = family === 6 ? IpFamily.IPV6 : IpFamily.IPV4;
  return family;
}

async function admitAddress(admission: Admission, next: ElasticIp, externalNetworkId: string): Promise<void> {
  const drawn = next.address === undefined;
  const family = settleFamily(next);
  const { message } = await admission.reference(ExternalNetworkSchema, externalNetworkId, "external_network_id");
  if (next.address === undefined)
    next.address = await drawAddress(admission, message, { family, path: pathOf(family) });
  else checkAddress(next.address, message);
  claimAddress(admission, externalNetworkId, next.address, drawn);
}

/** What a tenant would change where the network has no such addresses. */
function pathOf(family: 4 | 6): string {
  return family === 6 ? "family" : "address";
}

export const elasticIpKind = defineKind({
  schema: ElasticIpSchema,
  async admit(admission, next) {
    if (next.portId === "") delete next.portId;
    const { portId } = next;
    const vpc = portId === undefined ? undefined : await vpcOfPort(admission, portId, "port_id");
    const externalNetworkId = next.externalNetworkId ?? (await meantNetwork(admission, vpc));
    next.externalNetworkId = externalNetworkId;
    await admitAddress(admission, next, externalNetworkId);
    if (portId === undefined || vpc === undefined) return;
    checkJoined(next, vpc);
    const family = familyOf(next.address ?? "");
    if (family === 6) await checkIpv6(admission, portId);
    admission.claim({ space: onePerPort[family], key: portId });
    needGateway(admission, vpc.id, { noun: "elastic_ip", id: next.id, family });
  },
  async released(admission, { message: { externalNetworkId, address } }) {
    const network = await admission.get(ExternalNetworkSchema, externalNetworkId ?? "");
    if (network !== undefined && address !== undefined) releaseAddress(network.message, address);
  },
  reconciler: elasticIpReconciler,
  network: elasticIpNetwork,
});
