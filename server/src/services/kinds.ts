// The explicit list of kinds, beside those of IAM (services/iam, which makes its own, since they share its memory of who may do what).
// A new kind is added here, in its proto file and in its folder, and nowhere else.
import { quotaKind } from "./creditservice/quota/kind.ts";
import type { KindDefinition } from "./kind.ts";
import { flavorKind } from "./plasmavmc/flavor/kind.ts";
import { hostKind } from "./plasmavmc/host/kind.ts";
import { imageKind } from "./plasmavmc/image/kind.ts";
import { placementGroupKind } from "./plasmavmc/placement-group/kind.ts";
import { vmKind } from "./plasmavmc/vm/kind.ts";
import { vmSnapshotKind } from "./plasmavmc/vm-snapshot/kind.ts";
import { addressGroupKind } from "./prismnet/address-group/kind.ts";
import { elasticIpKind } from "./prismnet/elastic-ip/kind.ts";
import { externalNetworkKind } from "./prismnet/external-network/kind.ts";
import { flowLogKind } from "./prismnet/flow-log/kind.ts";
import { peeringKind } from "./prismnet/peering/kind.ts";
import { portKind } from "./prismnet/port/kind.ts";
import { routeKind } from "./prismnet/route/kind.ts";
import { securityGroupKind } from "./prismnet/security-group/kind.ts";
import { subnetKind } from "./prismnet/subnet/kind.ts";
import { vpcKind } from "./prismnet/vpc/kind.ts";

export const kinds: readonly KindDefinition[] = [
  externalNetworkKind,
  vpcKind,
  peeringKind,
  subnetKind,
  addressGroupKind,
  securityGroupKind,
  portKind,
  elasticIpKind,
  routeKind,
  flowLogKind,
  hostKind,
  imageKind,
  flavorKind,
  placementGroupKind,
  vmKind,
  vmSnapshotKind,
  quotaKind,
];
