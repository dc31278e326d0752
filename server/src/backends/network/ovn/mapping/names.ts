// The names of our rows where OVN goes by name: unique in the whole database, and safe in a match, which takes no dashes.
import { checkedName } from "./checked.ts";
import { dropGroupUuid, filterGroupUuid, freeGroupUuid, rowUuid } from "./uuids.ts";

const squeezed = (uuid: string) => uuid.replaceAll("-", "");

export const routerName = (vpcId: string) => `lr-${checkedName(vpcId)}`;
export const switchName = (subnetId: string) => `ls-${checkedName(subnetId)}`;
export const externalSwitchName = (externalNetworkId: string) => `ls-ext-${checkedName(externalNetworkId)}`;

/** The router's end of the link to a subnet, and the switch's. */
export const routerPortName = (subnetId: string) => `lrp-${checkedName(subnetId)}`;
export const routerSidePortName = (subnetId: string) => `lsp-r-${checkedName(subnetId)}`;

/** The port of the cloud's own services in a subnet: what hosts plug their service namespace into. */
export const servicePortName = (subnetId: string) => `svc-${checkedName(subnetId)}`;

/** The router's end of the link to its external network, and the switch's. */
export const gatewayPortName = (vpcId: string) => `lrp-ext-${checkedName(vpcId)}`;
export const gatewaySidePortName = (vpcId: string) => `lsp-ext-${checkedName(vpcId)}`;

/** The wire of an external network. */
export const wirePortName = (externalNetworkId: string) => `ln-${checkedName(externalNetworkId)}`;
export const gatewayGroupName = (externalNetworkId: string) => `gw-${checkedName(externalNetworkId)}`;

/** One end of the link between two VPCs' routers; the other end's name is this with the two swapped. */
export const peeringPortName = (vpcId: string, peerVpcId: string) =>
  `pr-${checkedName(vpcId)}-${checkedName(peerVpcId)}`;

export const dropGroupName = (vpcId: string) => `pg_drop_${squeezed(dropGroupUuid(vpcId))}`;
export const freeGroupName = (vpcId: string) => `pg_free_${squeezed(freeGroupUuid(vpcId))}`;

/** What says that a filter is there; it has no ports. */
export const filterName = (securityGroupId: string) =>
  `sg_${squeezed(rowUuid({ type: "filter", id: securityGroupId }))}`;
/** A filter's ports in a VPC. */
export const filterGroupName = (securityGroupId: string, vpcId: string) =>
  `pg_${squeezed(filterGroupUuid(securityGroupId, vpcId))}`;

/** The networks of one family in an address group. */
export const addressSetName = (addressGroupId: string, family: 4 | 6) =>
  `as_${squeezed(rowUuid({ type: "addresses", id: addressGroupId }))}_ip${family}`;

/** The addresses of one family that the ports of a filter have in a VPC: northd keeps this set by itself. */
export const memberSetName = (securityGroupId: string, vpcId: string, family: 4 | 6) =>
  `${filterGroupName(securityGroupId, vpcId)}_ip${family}`;

export const meterName = (flowLogId: string) => `flow-${checkedName(flowLogId)}`;
