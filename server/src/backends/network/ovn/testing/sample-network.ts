// A small VPC for tests: one subnet 10.0.1.0/24, and ports 10.0.1.11, 10.0.1.12, … that let everything in.
import type { NetworkObject } from "../../driver.ts";
import type { PlugOptions } from "./namespace-guest.ts";

const vpcId = "vpc-sample";
const subnetId = "subnet-sample";
const filterId = "sg-sample";
const common = { owner: "acme/alpha", vpcId };
const gateway = { id: subnetId, ...common, macAddress: "fa:16:3e:00:01:01" };

/** The port with a number from 1, as a guest needs it. */
export function samplePort(number: number): PlugOptions & { readonly ipAddress: string } {
  return {
    portId: `port-sample-${number}`,
    macAddress: `fa:16:3e:00:02:${number.toString(16).padStart(2, "0")}`,
    ipAddress: `10.0.1.${10 + number}`,
  };
}

/** In the order in which they stand on each other. */
export function sampleNetwork(ports: number): readonly NetworkObject[] {
  const rule = { name: "all", direction: "ingress", protocol: "any", remote: { type: "any" } } as const;
  return [
    { type: "router", id: vpcId, owner: common.owner, cidrs: ["10.0.0.0/16"] },
    { type: "switch", id: subnetId, ...common, cidrs: ["10.0.1.0/24"] },
    { type: "router-port", ...gateway, addresses: ["10.0.1.1/24"], mtu: 1_442 },
    {
      type: "dhcp",
      ...gateway,
      cidr: "10.0.1.0/24",
      gateway: "10.0.1.1",
      dnsServers: ["10.0.1.254"],
      serviceAddress: "10.0.1.254",
      domain: "alpha.acme.cloud.internal",
      mtu: 1_442,
    },
    { type: "filter", id: filterId, owner: common.owner, rules: [rule] },
    ...Array.from({ length: ports }, (_, index) => portOf(index + 1)),
  ];
}

function portOf(number: number): NetworkObject {
  const { portId, macAddress, ipAddress } = samplePort(number);
  return {
    type: "port",
    id: portId,
    subnetId,
    ...common,
    macAddress,
    ipAddresses: [ipAddress],
    securityGroupIds: [filterId],
    hostname: `vm-${number}`,
    forwarding: false,
    bandwidth: {},
  };
}
