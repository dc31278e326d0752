// An address group is a set of networks in the backend; rules name it, so a change reaches all of them at once.
import { AddressGroupSchema } from "@photoncloud/proto/gen/prismnet/v1/address_group_pb";
import { ownerOf } from "../../driver-step.ts";
import { type NetworkPart, networkReconciler } from "../../network-part.ts";

export const addressGroupNetwork: NetworkPart<typeof AddressGroupSchema> = {
  schema: AddressGroupSchema,
  objects: [
    {
      type: "addresses",
      of: ({ id, key, resource }) => ({ type: "addresses", id, owner: ownerOf(key.tenant), cidrs: resource.cidrs }),
    },
  ],
};

export const addressGroupReconciler = networkReconciler(addressGroupNetwork);
