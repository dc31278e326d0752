import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ElasticIpSchema } from "@photoncloud/proto/gen/prismnet/v1/elastic_ip_pb";
import { ExternalNetworkSchema } from "@photoncloud/proto/gen/prismnet/v1/external_network_pb";
import { RouteSchema } from "@photoncloud/proto/gen/prismnet/v1/route_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { type SimulatedDrivers, simulatedDrivers } from "../../../backends/detect.ts";
import { fiveLaws } from "../../../engine/testing/five-laws.ts";
import { makeExternalNetwork, makePort, makeVpc } from "../../testing/outside.ts";
import { acme, faultOf, openSmallCloud, outcome, rival, type SmallCloud } from "../../testing/small-cloud.ts";
import { vpcReconciler } from "./kind.steps.ts";

let cloud: SmallCloud;
beforeAll(async () => {
  cloud = await openSmallCloud();
});
afterAll(() => cloud.stop());

const held = (id: string) => cloud.drivers.network.snapshot()[`gateway/${id}`];
const leave = (id: string) => cloud.update(VpcSchema, id, {}, ["external_network_id"]);

describe("a VPC's egress address", () => {
  test("is drawn when it is joined to an external network, and makes a gateway", async () => {
    const networkId = await makeExternalNetwork(cloud);
    const closed = await makeVpc(cloud);
    expect([closed.egressAddress, held(closed.id)]).toEqual(["", undefined]);
    const vpc = await makeVpc(cloud, networkId);
    expect(vpc.egressAddress).toBe("203.0.113.2");
    expect(held(vpc.id)).toEqual({
      type: "gateway",
      id: vpc.id,
      owner: "acme/alpha",
      externalNetworkId: networkId,
      macAddress: "0a:00:cb:00:71:02",
      address: "203.0.113.2/24",
      nextHop: "203.0.113.1",
      cidrs: ["10.0.0.0/16"],
    });
  });

  test("is of both families where the VPC and the external network have them", async () => {
    const networkId = await makeExternalNetwork(cloud, "203.0.113.0/24", "2001:db8:113::/64");
    expect((await makeVpc(cloud, networkId)).egressIpv6Address).toBe("");
    const vpc = await makeVpc(cloud, networkId, acme, "fd00:10::/48");
    expect([vpc.egressAddress, vpc.egressIpv6Address]).toEqual(["203.0.113.3", "2001:db8:113::2"]);
    expect(held(vpc.id)).toMatchObject({
      ipv6: { address: "2001:db8:113::2/64", nextHop: "2001:db8:113::1" },
      cidrs: ["10.0.0.0/16", "fd00:10::/48"],
    });
    expect((await leave(vpc.id)).egressIpv6Address).toBe("");
    await cloud.ready(VpcSchema, vpc.id);
    expect((await makeVpc(cloud, networkId, acme, "fd00:11::/48")).egressIpv6Address).toBe("2001:db8:113::2");
  });

  test("stays through other changes, is another one of another network, and goes when the VPC leaves", async () => {
    const [one, other] = [await makeExternalNetwork(cloud), await makeExternalNetwork(cloud, "198.51.100.0/24")];
    const { id, egressAddress } = await makeVpc(cloud, one);
    expect((await cloud.update(VpcSchema, id, { labels: { a: "b" } })).egressAddress).toBe(egressAddress);
    expect((await cloud.update(VpcSchema, id, { externalNetworkId: other })).egressAddress).toBe("198.51.100.2");
    expect((await makeVpc(cloud, one)).egressAddress).toBe(egressAddress);
    expect((await leave(id)).egressAddress).toBe("");
    await cloud.ready(VpcSchema, id);
    expect(held(id)).toBeUndefined();
    expect((await makeVpc(cloud, other)).egressAddress).toBe("198.51.100.2");
  });

  test("is another one for each of many at the same time, over all tenants, until none is left", async () => {
    const networkId = await makeExternalNetwork(cloud, "203.0.113.0/28");
    const values = (n: number) => ({ name: `many-${n}`, cidr: "10.0.0.0/16", externalNetworkId: networkId });
    const asked = Array.from({ length: 16 }, (_, n) =>
      cloud.create(VpcSchema, n % 2 === 0 ? values(n) : { ...values(n), ...rival }),
    );
    const outcomes = await Promise.all(asked.map(outcome));
    expect(outcomes.filter((one) => one === "OUT_OF_ADDRESSES external_network_id:exhausted")).toHaveLength(3);
    const addresses = (await Promise.allSettled(asked)).flatMap((one) =>
      one.status === "fulfilled" ? [one.value.egressAddress] : [],
    );
    expect(new Set(addresses).size).toBe(13);
  });

  test("is free again after the VPC's deletion", async () => {
    const networkId = await makeExternalNetwork(cloud, "203.0.113.0/30");
    const { id } = await makeVpc(cloud, networkId);
    expect(await outcome(makeVpc(cloud, networkId))).toBe("OUT_OF_ADDRESSES external_network_id:exhausted");
    await cloud.delete(VpcSchema, id);
    await cloud.gone(VpcSchema, id);
    expect((await makeVpc(cloud, networkId)).egressAddress).toBe("203.0.113.2");
  });

  test("is not taken by a plan", async () => {
    const networkId = await makeExternalNetwork(cloud);
    await cloud.plan(VpcSchema, "", { name: "planned", cidr: "10.0.0.0/16", externalNetworkId: networkId });
    expect((await makeVpc(cloud, networkId)).egressAddress).toBe("203.0.113.2");
  });
});

test("an external network that is not there is refused", async () => {
  expect(await outcome(makeVpc(cloud, "nowhere"))).toBe("INVALID_FIELDS external_network_id:unknown_reference");
});

describe("leaving an external network is refused", () => {
  test("while an elastic IP leads into the VPC, also for another network; the error names it", async () => {
    const [one, other] = [await makeExternalNetwork(cloud), await makeExternalNetwork(cloud)];
    const vpc = await makeVpc(cloud, one);
    const port = await makePort(cloud, vpc.id);
    const ip = await cloud.make(ElasticIpSchema, { name: "used", portId: port.id });
    const fault = await faultOf(leave(vpc.id));
    expect([fault.reason, fault.details.resources]).toEqual([
      "STILL_REFERENCED",
      [`org/acme/project/alpha/elastic_ip/${ip.id}`],
    ]);
    const moved = cloud.update(VpcSchema, vpc.id, { externalNetworkId: other });
    expect(await outcome(moved)).toBe("STILL_REFERENCED external_network_id:in_use");
    await cloud.update(ElasticIpSchema, ip.id, {}, ["port_id"]);
    await leave(vpc.id);
    expect((await cloud.ready(VpcSchema, vpc.id)).egressAddress).toBe("");
    const again = cloud.update(ElasticIpSchema, ip.id, { portId: port.id });
    expect(await outcome(again)).toBe("INVALID_FIELDS port_id:conflict");
  });

  test("while a route leads there, but it may change for another one", async () => {
    const [one, other] = [await makeExternalNetwork(cloud), await makeExternalNetwork(cloud, "198.51.100.0/24")];
    const vpc = await makeVpc(cloud, one);
    const target = { case: "elasticGateway" as const, value: {} };
    const route = await cloud.make(RouteSchema, { name: "out", vpcId: vpc.id, destination: "192.0.2.0/24", target });
    expect(await outcome(leave(vpc.id))).toBe("STILL_REFERENCED external_network_id:in_use");
    expect(await outcome(cloud.update(VpcSchema, vpc.id, { externalNetworkId: other }))).toBe("ok");
    await cloud.update(RouteSchema, route.id, { target: { case: "drop", value: {} } });
    await leave(vpc.id);
    await cloud.ready(VpcSchema, vpc.id);
    expect(held(vpc.id)).toBeUndefined();
  });
});

describe("a VPC's ipv6_cidr", () => {
  test.each([
    ["fd00:10::/48", "ok"],
    ["fd00:10::/40", "ok"],
    ["fd00:10:0:1::/64", "ok"],
    ["2001:db8::/56", "ok"],
    ["fd00::/39", "INVALID_FIELDS ipv6_cidr:range"],
    ["fd00:10::/65", "INVALID_FIELDS ipv6_cidr:range"],
    ["fe80::/64", "INVALID_FIELDS ipv6_cidr:range"],
    ["fec0::/48", "INVALID_FIELDS ipv6_cidr:range"],
    ["ff02::/64", "INVALID_FIELDS ipv6_cidr:range"],
    ["::/64", "INVALID_FIELDS ipv6_cidr:range"],
    ["64:ff9b::/64", "INVALID_FIELDS ipv6_cidr:range"],
    ["fd00:10::1/48", "INVALID_FIELDS ipv6_cidr:format"],
    ["10.0.0.0/16", "INVALID_FIELDS ipv6_cidr:format"],
    ["six", "INVALID_FIELDS ipv6_cidr:format"],
  ])("%p is %s", async (ipv6Cidr, expected) => {
    const name = `v${ipv6Cidr.replace(/[^0-9a-z]/g, "-")}x`;
    expect(await outcome(cloud.create(VpcSchema, { name, cidr: "10.0.0.0/16", ipv6Cidr }))).toBe(expected);
  });

  test("is a network of the router", async () => {
    const { id } = await cloud.make(VpcSchema, { name: "six", cidr: "10.0.0.0/16", ipv6Cidr: "fd00:10::/48" });
    const router = cloud.drivers.network.snapshot()[`router/${id}`];
    expect(router).toMatchObject({ cidrs: ["10.0.0.0/16", "fd00:10::/48"] });
  });
});

const external = { id: "external", cidr: "203.0.113.0/24", gateway: "203.0.113.1", physicalNetwork: "external" };
fiveLaws<typeof VpcSchema, SimulatedDrivers>({
  name: "Vpc with a gateway",
  reconciler: vpcReconciler,
  makeResource: () =>
    create(VpcSchema, {
      ...acme,
      id: "vpc-1",
      name: "main",
      cidr: "10.0.0.0/16",
      ipv6Cidr: "fd00:10::/48",
      externalNetworkId: external.id,
      egressAddress: "203.0.113.10",
    }),
  related: () => [{ schema: ExternalNetworkSchema, id: external.id, message: create(ExternalNetworkSchema, external) }],
  drivers: () => ({ ...simulatedDrivers() }),
  prepare: ({ network }) =>
    network.ensure({ type: "external-network", owner: "", ...external }, new AbortController().signal),
  snapshot: ({ network }) => network.snapshot(),
});
