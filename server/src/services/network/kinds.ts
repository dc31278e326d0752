// Whose an object of the network is: the kind of the resource that has its id.
import { catalog } from "@photoncloud/proto";
import type { NetworkObject } from "../../backends/network/driver.ts";

type ObjectType = NetworkObject["type"];

const kinds: Readonly<Record<ObjectType, string>> = {
  router: "prismnet.v1.Vpc",
  gateway: "prismnet.v1.Vpc",
  switch: "prismnet.v1.Subnet",
  "router-port": "prismnet.v1.Subnet",
  dhcp: "prismnet.v1.Subnet",
  "service-port": "prismnet.v1.Subnet",
  port: "prismnet.v1.Port",
  filter: "prismnet.v1.SecurityGroup",
  addresses: "prismnet.v1.AddressGroup",
  "external-network": "prismnet.v1.ExternalNetwork",
  "elastic-ip": "prismnet.v1.ElasticIp",
  route: "prismnet.v1.Route",
  peering: "prismnet.v1.Peering",
  "flow-log": "prismnet.v1.FlowLog",
};

/** The full name of the kind: "prismnet.v1.Vpc". */
export function kindOfObject(type: ObjectType): string {
  return kinds[type];
}

/** What users call it: "security_group". */
export function nounOfObject(type: ObjectType): string {
  return catalog().byTypeName(kinds[type])?.noun ?? type;
}
