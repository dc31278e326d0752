// An external network is a switch with a wire to the outside.
import { ExternalNetworkSchema } from "@photoncloud/proto/gen/prismnet/v1/external_network_pb";
import { ownerOf } from "../../driver-step.ts";
import { type NetworkPart, networkReconciler } from "../../network-part.ts";

export const externalNetworkNetwork: NetworkPart<typeof ExternalNetworkSchema> = {
  schema: ExternalNetworkSchema,
  objects: [
    {
      type: "external-network",
      of: ({ id, key, resource: { cidr, physicalNetwork = "", vlanId } }) => ({
        type: "external-network",
        id,
        owner: ownerOf(key.tenant),
        cidr,
        physicalNetwork,
        ...(vlanId === undefined ? {} : { vlanId }),
      }),
    },
  ],
};

export const externalNetworkReconciler = networkReconciler(externalNetworkNetwork);
