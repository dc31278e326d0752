// VPCs: isolated networks. Different VPCs may use the same addresses.
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { invalidField } from "../../../fault.ts";
import { formatNetwork, type IpNetwork, networkOf, overlaps, parseNetwork } from "../../../ip.ts";
import { defineKind } from "../../kind.ts";
import { vpcNetwork, vpcReconciler } from "./kind.steps.ts";

/** The largest and the smallest VPC, as prefix lengths: all of 10.0.0.0/8, and one smallest subnet. */
const [shortest, longest] = [8, 28];

/** Networks that guests can't use as ordinary addresses (RFC 6890). */
const special = {
  "0.0.0.0/8": "this host on this network",
  "127.0.0.0/8": "loopback",
  "169.254.0.0/16": "link-local; the metadata service is there",
  "224.0.0.0/3": "multicast and reserved",
};

function sizeHint(network: IpNetwork): string {
  const length = Math.min(Math.max(network.prefixLength, shortest), longest);
  const mended = formatNetwork(networkOf({ family: 4, value: network.first }, length));
  return `${formatNetwork(network)} is not between /${shortest} and /${longest}; for instance ${mended} is`;
}

/** @throws Fault INVALID_FIELDS on "cidr". */
function checkCidr(cidr: string): void {
  const network = parseNetwork(cidr);
  if (network === undefined)
    throw invalidField("cidr", "format", `${cidr} is no IPv4 network; write one like 10.0.0.0/16`);
  if (formatNetwork(network) !== cidr)
    throw invalidField("cidr", "format", `${cidr} has host bits set; write ${formatNetwork(network)}`);
  if (network.prefixLength < shortest || network.prefixLength > longest)
    throw invalidField("cidr", "range", sizeHint(network));
  for (const [block, use] of Object.entries(special)) {
    const reserved = parseNetwork(block);
    if (reserved !== undefined && overlaps(reserved, network))
      throw invalidField("cidr", "range", `${cidr} overlaps ${block} (${use}); use a private network like 10.0.0.0/16`);
  }
}

export const vpcKind = defineKind({
  schema: VpcSchema,
  async admit(_, next, prior) {
    if (prior === undefined) checkCidr(next.cidr);
  },
  reconciler: vpcReconciler,
  network: vpcNetwork,
});
