// A VPC with subnets of a hundred ports each, all in one security group that lets its members reach each other.
import type { NetworkObject, PortSpec } from "../../server/src/backends/network/driver.ts";

const owner = "acme/alpha";
const vpcId = "vpc-bench";
const groupId = "sg-bench";
const portsPerSubnet = 100;

export const benchVpc = vpcId;

/** A port that is there before the others: by it the host takes part in the VPC, so that it is waited for. */
export const firstPort = "first-port";

/** What the ports stand on, in the order in which it is made. */
export function baseOf(portCount: number): NetworkObject[] {
  const subnets = Array.from({ length: Math.ceil(portCount / portsPerSubnet) }, (_, index) => index);
  return [
    { type: "router", id: vpcId, owner, cidrs: ["10.0.0.0/8"] },
    {
      type: "filter",
      id: groupId,
      owner,
      rules: [
        { name: "ssh", direction: "ingress", protocol: "tcp", ports: { first: 22, last: 22 }, remote: { type: "any" } },
        {
          name: "each-other",
          direction: "ingress",
          protocol: "any",
          remote: { type: "group", securityGroupId: groupId },
        },
      ],
    },
    ...subnets.flatMap(subnetOf),
    portOf(firstPort, 0, 250),
  ];
}

function subnetOf(index: number): NetworkObject[] {
  const id = `subnet-${index}`;
  const network = `10.${index >> 8}.${index & 255}`;
  const macAddress = macOf(0xff_0000 + index);
  const common = { id, vpcId, owner };
  return [
    { type: "switch", ...common, cidrs: [`${network}.0/24`] },
    { type: "router-port", ...common, macAddress, addresses: [`${network}.1/24`], mtu: 1442 },
    {
      type: "dhcp",
      ...common,
      cidr: `${network}.0/24`,
      gateway: `${network}.1`,
      macAddress,
      dnsServers: [`${network}.254`],
      serviceAddress: `${network}.254`,
      domain: "alpha.acme.cloud.internal",
      mtu: 1442,
    },
  ];
}

export function portsOf(portCount: number): PortSpec[] {
  return Array.from({ length: portCount }, (_, index) =>
    portOf(`port-${index}`, Math.floor(index / portsPerSubnet), (index % portsPerSubnet) + 10),
  );
}

function portOf(id: string, subnet: number, host: number): PortSpec {
  return {
    type: "port",
    id,
    subnetId: `subnet-${subnet}`,
    vpcId,
    owner,
    macAddress: macOf(subnet * 256 + host),
    ipAddresses: [`10.${subnet >> 8}.${subnet & 255}.${host}`],
    securityGroupIds: [groupId],
    hostname: `vm-${id}`,
    forwarding: false,
    bandwidth: {},
  };
}

function macOf(index: number): string {
  const hex = index.toString(16).padStart(6, "0");
  return `02:00:00:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4)}`;
}
