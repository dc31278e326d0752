// @photoncloud/constructs: L1 (every kind, generated: Tf…) and L2 (good defaults and intent: Vpc, Subnet, Route, Peering, ElasticIp, SecurityGroup, Vm).
export * from "./l1/gen/index.ts";
export * from "./l1/provider.ts";
export type { ResourceProps, Timeouts } from "./l1/resource.ts";
export { ElasticIp, type ElasticIpProps } from "./l2/elastic-ip.ts";
export { anything, icmp, type Packets, tcp, udp } from "./l2/packets.ts";
export * from "./l2/peering.ts";
export * from "./l2/route.ts";
export * from "./l2/security-group.ts";
export * from "./l2/vm.ts";
export * from "./l2/vpc.ts";
