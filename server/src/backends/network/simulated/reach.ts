// The simulated network's answer to "would this packet arrive?": isolation of VPCs, packet filters, routing between subnets, to peers, by
// tenants' own routes and to the outside. What it says is meant in the words of the real network's answers.
import { parseIp } from "../../../ip.ts";
import { DriverError } from "../../driver-error.ts";
import {
  type GatewaySpec,
  type Hop,
  metadataAddresses,
  type NetworkObject,
  type Packet,
  type PortSpec,
  type Reach,
} from "../driver.ts";
import { passOf, type Remote, type Side } from "./filters.ts";
import { allOf, type Objects, objectOf } from "./objects.ts";
import { addressesOf, bare, isIn, otherSideOf, wayOf } from "./routing.ts";

/** @throws DriverError "missing" if the sending port is not there. */
export function reach(objects: Objects, packet: Packet): Reach {
  const from = objectOf(objects, "port", packet.fromPortId);
  if (from === undefined) throw new DriverError("missing", `there is no port ${packet.fromPortId}`);
  return new Walk(objects, packet, from).begin();
}

/** More routers than any packet has to pass: each peer takes packets of its own peers alone. */
const mostRouters = 4;

const familyOf = (ip: string) => parseIp(ip)?.family;

class Walk {
  readonly #objects: Objects;
  readonly #packet: Packet;
  readonly #from: PortSpec;
  readonly #hops: Hop[] = [];
  /** Who the packet seems to be from: changed where it leaves a VPC. */
  #source: Remote;
  #allowed = "every filter on the way allows it";

  constructor(objects: Objects, packet: Packet, from: PortSpec) {
    this.#objects = objects;
    this.#packet = packet;
    this.#from = from;
    const address = from.ipAddresses.find((ip) => familyOf(ip) === familyOf(packet.toIp)) ?? "";
    this.#source = { address, port: from };
  }

  begin(): Reach {
    const { subnetId, vpcId, id } = this.#from;
    this.#pass(this.#from, "it sends the packet");
    this.#enter("switch", subnetId);
    if (this.#source.address === "") return this.#dropped(`${id} has no address of the family of ${this.#packet.toIp}`);
    if (this.#asksServices()) return this.#reached(`the cloud's own services answer in ${subnetId}`);
    const remote = { address: this.#packet.toIp, port: this.#portAt(this.#packet.toIp) };
    if (!this.#filter({ local: this.#from, remote, direction: "egress" }))
      return this.#dropped(`no egress rule of ${id} allows it`);
    if (isIn(objectOf(this.#objects, "switch", subnetId)?.cidrs ?? [], this.#packet.toIp))
      return this.#deliver(vpcId, subnetId, this.#packet.toIp);
    if (objectOf(this.#objects, "router-port", subnetId) === undefined)
      return this.#dropped(`${subnetId} is not joined to its router`);
    return this.#route(vpcId, mostRouters);
  }

  /** What filters never stop: the metadata service, and the resolver. */
  #asksServices(): boolean {
    const { toIp, protocol, port } = this.#packet;
    const service = objectOf(this.#objects, "service-port", this.#from.subnetId);
    if (service === undefined || protocol === "icmp") return false;
    if (metadataAddresses.some((address) => address === toIp)) return protocol === "tcp" && port === 80;
    return port === 53 && service.addresses.map(bare).includes(toIp);
  }

  /** The port that an address is meant for, in the own VPC or a peer's. */
  #portAt(ip: string): PortSpec | undefined {
    const { vpcId } = this.#from;
    const peers = allOf(this.#objects, "peering").filter((one) => one.vpcId === vpcId && isIn(one.peerCidrs, ip));
    const vpcs = [vpcId, ...peers.map(({ peerVpcId }) => peerVpcId)];
    return allOf(this.#objects, "port").find((one) => vpcs.includes(one.vpcId) && one.ipAddresses.includes(ip));
  }

  #filter(side: Side): boolean {
    const pass = passOf(this.#objects, this.#packet, side);
    if (pass?.filter === undefined) return pass !== undefined;
    const { filter, rule } = pass;
    this.#allowed =
      rule === undefined
        ? `${filter.id} has no egress rule, so it lets everything out`
        : `rule ${rule.name} of ${filter.id} allows it`;
    this.#pass(filter, rule === undefined ? "it lets everything out" : `rule ${rule.name} allows it`);
    return true;
  }

  #route(vpcId: string, left: number): Reach {
    const { toIp } = this.#packet;
    this.#enter("router", vpcId);
    if (this.#isRouters(vpcId, toIp)) return this.#askRouter(vpcId);
    const way = left === 0 ? undefined : wayOf(this.#objects, vpcId, toIp);
    switch (way?.type) {
      case undefined:
        return this.#dropped(`${vpcId} has no route to ${toIp}`);
      case "subnet":
        return this.#deliver(vpcId, way.subnetId, toIp);
      case "gateway":
        return this.#leave(way.gateway);
      case "route":
        return this.#follow(way.route);
      case "peering":
        return this.#cross(way.peering, left);
    }
  }

  #isRouters(vpcId: string, ip: string): boolean {
    const gateway = objectOf(this.#objects, "gateway", vpcId);
    const ports = allOf(this.#objects, "router-port").filter((one) => one.vpcId === vpcId);
    const outer = gateway === undefined ? [] : addressesOf(gateway);
    return [...ports.flatMap(({ addresses }) => addresses), ...outer].map(bare).includes(ip);
  }

  #askRouter(vpcId: string): Reach {
    return this.#packet.protocol === "icmp"
      ? this.#reached(`the router of ${vpcId} answers it`)
      : this.#dropped(`the router of ${vpcId} refuses it`);
  }

  #follow(route: Extract<NetworkObject, { type: "route" }>): Reach {
    const { toIp } = this.#packet;
    const { id, vpcId, target } = route;
    if (target.type === "drop") {
      this.#pass(route, "it drops the packet");
      return this.#dropped(`route ${id} drops it`);
    }
    const gateway = objectOf(this.#objects, "gateway", vpcId);
    if (target.type === "address") {
      this.#pass(route, `it sends the packet to ${target.address}`);
      return this.#deliver(vpcId, target.subnetId, target.address);
    }
    if (gateway === undefined) return this.#dropped(`${vpcId} has no gateway`);
    const nextHop = familyOf(toIp) === 6 ? gateway.ipv6?.nextHop : gateway.nextHop;
    if (nextHop === undefined) return this.#dropped(`the gateway of ${vpcId} has no IPv6`);
    this.#pass(route, `it sends the packet to ${nextHop}`);
    return this.#leave(gateway);
  }

  #cross(peering: Extract<NetworkObject, { type: "peering" }>, left: number): Reach {
    this.#pass(peering, `it sends the packet to ${peering.peerLinkAddress}`);
    const other = otherSideOf(this.#objects, peering);
    if (other === undefined) return this.#dropped(`the other side of peering ${peering.id} is not there`);
    if (!isIn(other.peerCidrs, this.#source.address)) {
      this.#pass(other, "it drops the packet: its source is not of the peer's networks");
      return this.#dropped(`peering ${other.id} takes nothing from that source`);
    }
    return this.#route(other.vpcId, left - 1);
  }

  /** Out by the gateway, with another source; perhaps back in, by an address of the cloud's own. */
  #leave(gateway: GatewaySpec): Reach {
    const elastic = allOf(this.#objects, "elastic-ip").find(
      ({ vpcId, portAddress }) => vpcId === gateway.id && portAddress === this.#source.address,
    );
    const own = addressesOf(gateway).map(bare);
    const address = elastic?.address ?? own.find((one) => familyOf(one) === familyOf(this.#packet.toIp)) ?? "";
    this.#pass(elastic ?? gateway, `it makes the source ${address}`);
    this.#source = { address, port: undefined };
    this.#enter("external-network", gateway.externalNetworkId);
    return this.#return(gateway) ?? this.#reached("it leaves the cloud by its VPC's gateway");
  }

  /** Undefined: the address is none of the cloud's. */
  #return({ externalNetworkId }: GatewaySpec): Reach | undefined {
    const { toIp } = this.#packet;
    const gateways = allOf(this.#objects, "gateway").filter((one) => one.externalNetworkId === externalNetworkId);
    const elastic = allOf(this.#objects, "elastic-ip").find(
      ({ address, vpcId }) => address === toIp && gateways.some(({ id }) => id === vpcId),
    );
    const router = gateways.find((one) => addressesOf(one).map(bare).includes(toIp));
    if (elastic === undefined) return router && this.#askRouter(router.id);
    this.#enter("router", elastic.vpcId);
    this.#pass(elastic, `it makes the target ${elastic.portAddress}`);
    const subnetId = objectOf(this.#objects, "port", elastic.portId)?.subnetId ?? "";
    return this.#deliver(elastic.vpcId, subnetId, elastic.portAddress);
  }

  #deliver(vpcId: string, subnetId: string, ip: string): Reach {
    const routerPort = objectOf(this.#objects, "router-port", subnetId);
    if (routerPort?.addresses.map(bare).includes(ip)) return this.#askRouter(vpcId);
    this.#enter("switch", subnetId);
    const ports = allOf(this.#objects, "port");
    const to = ports.find((one) => one.subnetId === subnetId && one.ipAddresses.includes(ip));
    if (to === undefined) return this.#dropped(`no port of ${vpcId} has the address ${ip}`);
    if (!this.#filter({ local: to, remote: this.#source, direction: "ingress" }))
      return this.#dropped(`no ingress rule of ${to.id} allows it`);
    this.#pass(to, "it takes the packet");
    return this.#reached(this.#allowed);
  }

  /** A switch, a router or an external network; not said again where it is there already. */
  #enter(type: "switch" | "router" | "external-network", id: string): void {
    const object = objectOf(this.#objects, type, id);
    const places = this.#hops.filter((hop) => hop.type in entered);
    if (object !== undefined && places.at(-1)?.id !== id) this.#pass(object, entered[type]);
  }

  #pass({ type, id, owner }: NetworkObject, action: string): void {
    this.#hops.push({ type, id, owner, action });
  }

  #reached(because: string): Reach {
    return { reached: true, because, hops: this.#hops };
  }

  #dropped(because: string): Reach {
    return { reached: false, because, hops: this.#hops };
  }
}

const entered = {
  router: "its router passes the packet on",
  switch: "it carries the packet",
  "external-network": "it carries the packet out",
} as const;
