import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { PeeringSchema } from "@photoncloud/proto/gen/prismnet/v1/peering_pb";
import { PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { RouteSchema } from "@photoncloud/proto/gen/prismnet/v1/route_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { type SimulatedDrivers, simulatedDrivers } from "../../../backends/detect.ts";
import { inOrder, sampleNetwork } from "../../../backends/network/contract.ts";
import { fiveLaws } from "../../../engine/testing/five-laws.ts";
import { makeExternalNetwork, makePort, makeVpc } from "../../testing/outside.ts";
import { acme, beta, faultOf, openSmallCloud, outcome, type SmallCloud } from "../../testing/small-cloud.ts";
import { routeReconciler } from "./kind.steps.ts";

let cloud: SmallCloud;
beforeAll(async () => {
  cloud = await openSmallCloud();
});
afterAll(() => cloud.stop());

let made = 0;
type Values = MessageInitShape<typeof RouteSchema>;
const drop = { case: "drop", value: {} } as const;
const out = { case: "elasticGateway", value: {} } as const;
const to = (portId: string) => ({ case: "targetPortId", value: portId }) as const;
const aRoute = (vpcId: string, values: Values = {}) =>
  cloud.create(RouteSchema, { name: `route-${++made}`, vpcId, destination: "192.168.0.0/16", target: drop, ...values });
/** The networks of an external network of both families. */
const dual = ["203.0.113.0/24", "2001:db8:113::/64"] as const;
const held = (id: string) => cloud.drivers.network.snapshot()[`route/${id}`];

describe("a route's destination", () => {
  test.each([
    ["192.168.0.0/16", "ok"],
    ["0.0.0.0/0", "ok"],
    ["10.0.0.0/8", "ok"],
    ["2001:db8::/32", "ok"],
    ["::/0", "ok"],
    ["10.0.0.0/16", "INVALID_FIELDS destination:range"],
    ["10.0.7.0/24", "INVALID_FIELDS destination:range"],
    ["fd00:10::/64", "INVALID_FIELDS destination:range"],
    ["169.254.169.254/32", "INVALID_FIELDS destination:range"],
    ["127.0.0.0/8", "INVALID_FIELDS destination:range"],
    ["224.0.0.0/4", "INVALID_FIELDS destination:range"],
    ["fe80::/64", "INVALID_FIELDS destination:range"],
    ["ff02::1/128", "INVALID_FIELDS destination:range"],
    ["192.168.1.0/16", "INVALID_FIELDS destination:format"],
    ["192.168.0.0", "INVALID_FIELDS destination:format"],
    ["", "INVALID_FIELDS destination:required"],
  ])("%p from a VPC with 10.0.0.0/16 and fd00:10::/48 is %s", async (destination, expected) => {
    const vpc = await cloud.create(VpcSchema, { name: `d${++made}`, cidr: "10.0.0.0/16", ipv6Cidr: "fd00:10::/48" });
    expect(await outcome(aRoute(vpc.id, { destination }))).toBe(expected);
  });

  test("has one route in a VPC; the error names it", async () => {
    const [one, other] = [await makeVpc(cloud), await makeVpc(cloud)];
    const { id } = await aRoute(one.id);
    const fault = await faultOf(aRoute(one.id));
    expect(fault.details.violations).toMatchObject([{ path: "destination", rule: "unique" }]);
    expect(fault.message).toContain(id);
    expect(await outcome(aRoute(other.id))).toBe("ok");
    expect(await outcome(aRoute(one.id, { destination: "192.168.1.0/24" }))).toBe("ok");
  });
});

test("a route leads into no peer's network, where the peering leads", async () => {
  const [one, other] = [
    await makeVpc(cloud),
    await cloud.make(VpcSchema, { name: "the-peer", cidr: "192.168.0.0/16" }),
  ];
  for (const [vpc, peer] of [
    [one, other],
    [other, one],
  ] as const)
    await cloud.make(PeeringSchema, { name: `peering-${++made}`, vpcId: vpc.id, peerVpcId: peer.id });
  expect(await outcome(aRoute(one.id, { destination: "192.168.7.0/24" }))).toBe("INVALID_FIELDS destination:overlap");
  expect(await outcome(aRoute(one.id, { destination: "192.0.0.0/8" }))).toBe("ok");
});

test("two VPCs are not peered while a route of either leads into the other's networks", async () => {
  const routed = async (route: "own" | "other") => {
    const own = await makeVpc(cloud);
    const other = await cloud.make(VpcSchema, { ...beta, name: `peer-${++made}`, cidr: "192.168.0.0/16" });
    const name = `peering-${++made}`;
    const { acmeSide, betaSide } = {
      acmeSide: { name, vpcId: own.id, peerProjectId: "beta", peerVpcId: other.id },
      betaSide: { ...beta, name, vpcId: other.id, peerProjectId: "alpha", peerVpcId: own.id },
    };
    await cloud.make(PeeringSchema, betaSide);
    if (route === "own") await aRoute(own.id, { destination: "192.168.7.0/24" });
    else await aRoute(other.id, { ...beta, destination: "10.0.7.0/24" });
    return faultOf(cloud.create(PeeringSchema, acmeSide));
  };
  const [own, other] = [await routed("own"), await routed("other")];
  for (const fault of [own, other])
    expect(fault.details.violations).toMatchObject([{ path: "peer_vpc_id", rule: "overlap" }]);
  expect(own.message).toMatch(/route route-\w+ of VPC/);
  expect(other.message).not.toMatch(/route-|10\.0\.7/);
});

describe("a route's target", () => {
  test("is one of three", async () => {
    const vpc = await makeVpc(cloud);
    expect(await outcome(aRoute(vpc.id, { target: { case: undefined } }))).toBe(
      "INVALID_FIELDS target_port_id:required",
    );
  });

  test("may be a port of the VPC that forwards; the error says how to let it", async () => {
    const vpc = await makeVpc(cloud);
    const plain = await makePort(cloud, vpc.id);
    const fault = await faultOf(aRoute(vpc.id, { target: to(plain.id) }));
    expect(fault.details.violations).toMatchObject([{ path: "target_port_id", rule: "conflict" }]);
    expect(fault.message).toContain("set its forwarding to true");
    await cloud.update(PortSchema, plain.id, { forwarding: true });
    const { id } = await aRoute(vpc.id, { target: to(plain.id) });
    await cloud.ready(RouteSchema, id);
    const { ipAddress: address, subnetId } = plain;
    expect(held(id)).toMatchObject({ target: { type: "address", address, portId: plain.id, subnetId } });
    expect(await outcome(cloud.delete(PortSchema, plain.id))).toBe("STILL_REFERENCED");
    const stuck = await faultOf(cloud.update(PortSchema, plain.id, { forwarding: false }));
    expect(stuck.details).toMatchObject({ violations: [{ path: "forwarding", rule: "in_use" }] });
    expect(stuck.message).toContain(id);
    expect(await outcome(cloud.update(PortSchema, plain.id, { labels: { a: "b" } }))).toBe("ok");
    await cloud.update(RouteSchema, id, { target: drop });
    expect(await outcome(cloud.update(PortSchema, plain.id, { forwarding: false }))).toBe("ok");
  });

  test("is no port of another VPC or project, and none without the destination's family", async () => {
    const [vpc, other] = [await makeVpc(cloud), await makeVpc(cloud)];
    const elsewhere = await makePort(cloud, other.id, { forwarding: true });
    const conflict = "INVALID_FIELDS target_port_id:conflict";
    expect(await outcome(aRoute(vpc.id, { target: to(elsewhere.id) }))).toBe(conflict);
    const unknown = "INVALID_FIELDS target_port_id:unknown_reference";
    expect(await outcome(aRoute(vpc.id, { target: to("port-nowhere") }))).toBe(unknown);
    const foreign = await makeVpc(cloud, undefined, beta);
    expect(await outcome(aRoute(foreign.id))).toBe("INVALID_FIELDS vpc_id:unknown_reference");
    const six = aRoute(other.id, { target: to(elsewhere.id), destination: "2001:db8::/32" });
    expect(await outcome(six)).toBe(conflict);
  });

  test("may be the gateway of a VPC that has one, of the destination's family", async () => {
    const closed = aRoute((await makeVpc(cloud)).id, { target: out });
    expect(await outcome(closed)).toBe("INVALID_FIELDS elastic_gateway:conflict");
    const vpc = await makeVpc(cloud, await makeExternalNetwork(cloud));
    const { id } = await aRoute(vpc.id, { target: out });
    await cloud.ready(RouteSchema, id);
    expect(held(id)).toMatchObject({ target: { type: "gateway" } });
    const six = (vpcId: string) => aRoute(vpcId, { target: out, destination: "2001:db8::/32" });
    expect(await outcome(six(vpc.id))).toBe("INVALID_FIELDS elastic_gateway:conflict");
    const both = await makeVpc(cloud, await makeExternalNetwork(cloud, ...dual), acme, "fd00:10::/48");
    const { id: ofSix } = await six(both.id);
    await cloud.ready(RouteSchema, ofSix);
    expect(held(ofSix)).toMatchObject({ target: { type: "gateway" } });
    const networks = [await makeExternalNetwork(cloud), await makeExternalNetwork(cloud, ...dual)];
    const moves = networks.map((externalNetworkId) => () => cloud.update(VpcSchema, both.id, { externalNetworkId }));
    const [toFour, toBoth] = moves;
    if (toFour === undefined || toBoth === undefined) throw new Error("two were made");
    expect(await outcome(toFour())).toBe("STILL_REFERENCED external_network_id:in_use");
    expect(await outcome(toBoth())).toBe("ok");
  });

  test("may change, and then the network follows", async () => {
    const vpc = await makeVpc(cloud);
    const port = await makePort(cloud, vpc.id, { forwarding: true });
    const { id } = await aRoute(vpc.id);
    await cloud.ready(RouteSchema, id);
    expect(held(id)).toMatchObject({ target: { type: "drop" } });
    await cloud.update(RouteSchema, id, { target: to(port.id) });
    await cloud.ready(RouteSchema, id);
    expect(held(id)).toMatchObject({ target: { portId: port.id } });
    await cloud.delete(RouteSchema, id);
    await cloud.gone(RouteSchema, id);
    expect(held(id)).toBeUndefined();
  });
});

const sample = sampleNetwork("1");
const [port] = sample.ports;
fiveLaws<typeof RouteSchema, SimulatedDrivers>({
  name: "Route",
  reconciler: routeReconciler,
  makeResource: () =>
    create(RouteSchema, {
      ...acme,
      id: "route-1",
      name: "office",
      vpcId: sample.router.id,
      destination: "192.168.0.0/16",
      target: to(port.id),
    }),
  related: () => {
    const message = create(PortSchema, { ...acme, id: port.id, subnetId: port.subnetId, ipAddress: "10.0.1.10" });
    return [{ schema: PortSchema, id: port.id, message }];
  },
  drivers: () => ({ ...simulatedDrivers() }),
  prepare: async ({ network }) => {
    for (const object of inOrder(sample)) await network.ensure(object, new AbortController().signal);
  },
  snapshot: ({ network }) => network.snapshot(),
});
