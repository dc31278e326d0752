// Elastic IPs: addresses of an external network that stay while they move from port to port.
import { type ElasticIp, ElasticIpSchema } from "@photoncloud/proto/gen/prismnet/v1/elastic_ip_pb";
import { ExternalNetworkSchema } from "@photoncloud/proto/gen/prismnet/v1/external_network_pb";
import { type Admission, defineKind } from "../../kind.ts";
import { checkAddress, claimAddress, drawAddress, releaseAddress } from "../external-network/addresses.ts";
import { needGateway } from "../vpc/gateway.ts";
import { elasticIpNetwork, elasticIpReconciler } from "./kind.steps.ts";
import { checkJoined, meantNetwork, vpcOfPort } from "./place.ts";

/** One elastic IP a port: the port's packets leave with one address. The part before the bar is the field that holds the key. */
const onePerPort = "port_id|elastic IPs";

async function admitAddress(admission: Admission, next: ElasticIp, externalNetworkId: string): Promise<void> {
  const drawn = next.address === undefined;
  const { message } = await admission.reference(ExternalNetworkSchema, externalNetworkId, "external_network_id");
  if (next.address === undefined) next.address = await drawAddress(admission, message, "address");
  else checkAddress(next.address, message);
  claimAddress(admission, externalNetworkId, next.address, drawn);
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
    admission.claim({ space: onePerPort, key: portId });
    needGateway(admission, vpc.id, { noun: "elastic_ip", id: next.id });
  },
  async released(admission, { message: { externalNetworkId, address } }) {
    const network = await admission.get(ExternalNetworkSchema, externalNetworkId ?? "");
    if (network !== undefined && address !== undefined) releaseAddress(network.message, address);
  },
  reconciler: elasticIpReconciler,
  network: elasticIpNetwork,
});
