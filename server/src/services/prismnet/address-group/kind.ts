// Address groups: named sets of networks for the rules of security groups. The annotations say all of their rules.
import { AddressGroupSchema } from "@photoncloud/proto/gen/prismnet/v1/address_group_pb";
import { defineKind } from "../../kind.ts";
import { addressGroupNetwork, addressGroupReconciler } from "./kind.steps.ts";

export const addressGroupKind = defineKind({
  schema: AddressGroupSchema,
  reconciler: addressGroupReconciler,
  network: addressGroupNetwork,
});
