import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ElasticIpSchema, IpFamily } from "@photoncloud/proto/gen/prismnet/v1/elastic_ip_pb";
import { PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { type SimulatedDrivers, simulatedDrivers } from "../../../backends/detect.ts";
import { inOrder, sampleNetwork, sampleOutside } from "../../../backends/network/contract.ts";
import { fiveLaws } from "../../../engine/testing/five-laws.ts";
import { makeExternalNetwork, makePort, makeVpc } from "../../testing/outside.ts";
import { acme, beta, faultOf, openSmallCloud, outcome, rival, type SmallCloud } from "../../testing/small-cloud.ts";
import { elasticIpReconciler } from "./kind.steps.ts";

let cloud: SmallCloud;
beforeAll(async () => {
  cloud = await openSmallCloud();
});
afterAll(() => cloud.stop());

let alone: SmallCloud;
beforeAll(async () => {
  alone = await openSmallCloud();
});
afterAll(() => alone.stop());

let made = 0;
const aName = () => `eip-${++made}`;
const held = (id: string) => cloud.drivers.network.snapshot()[`elastic-ip/${id}`];

/** A network and a port whose VPC is joined to it. */
async function aPlace() {
  const externalNetworkId = await makeExternalNetwork(cloud);
  const vpc = await makeVpc(cloud, externalNetworkId);
  return { externalNetworkId, vpc, port: await makePort(cloud, vpc.id) };
}

describe("an elastic IP's external network", () => {
  test("is the only one, else the port's; without either it has to be named", async () => {
    const nameless = () => alone.create(ElasticIpSchema, { name: aName() });
    expect((await faultOf(nameless())).message).toContain("its operator has to make one");
    const only = await makeExternalNetwork(alone);
    expect((await nameless()).externalNetworkId).toBe(only);
    const other = await makeExternalNetwork(alone, "198.51.100.0/24");
    const fault = await faultOf(nameless());
    expect(fault.details.violations).toMatchObject([{ path: "external_network_id", rule: "required" }]);
    for (const id of [only, other]) expect(fault.message).toContain(id);
    const port = await makePort(alone, (await makeVpc(alone, other)).id);
    const placed = await alone.create(ElasticIpSchema, { name: aName(), portId: port.id });
    expect([placed.externalNetworkId, placed.address]).toEqual([other, "198.51.100.3"]);
  });
});

describe("an elastic IP's address", () => {
  test.each([
    ["203.0.113.20", "ok"],
    ["203.0.113.0", "INVALID_FIELDS address:range"],
    ["203.0.113.255", "INVALID_FIELDS address:range"],
    ["203.0.113.1", "INVALID_FIELDS address:range"],
    ["203.0.114.20", "INVALID_FIELDS address:range"],
    ["twenty", "INVALID_FIELDS address:format"],
  ])("%p of 203.0.113.0/24 is %s", async (address, expected) => {
    const externalNetworkId = await makeExternalNetwork(cloud);
    expect(await outcome(cloud.create(ElasticIpSchema, { name: aName(), externalNetworkId, address }))).toBe(expected);
  });

  test("is shared with nobody, egress addresses included; who holds it stays the holder's own", async () => {
    const { externalNetworkId, vpc } = await aPlace();
    const values = { externalNetworkId, address: vpc.egressAddress };
    const taken = cloud.create(ElasticIpSchema, { ...rival, ...values, name: aName() });
    const fault = await faultOf(taken);
    expect(fault.details.violations).toMatchObject([{ path: "address", rule: "unique" }]);
    expect(fault.message).not.toMatch(/acme|vpc-/);
    const next = await cloud.create(ElasticIpSchema, { ...rival, externalNetworkId, name: aName() });
    expect(next.address).not.toBe(vpc.egressAddress);
  });

  test("is another one for each of many at the same time, and free again after its deletion", async () => {
    const externalNetworkId = await makeExternalNetwork(cloud, "203.0.113.0/28");
    const one = () => cloud.create(ElasticIpSchema, { externalNetworkId, name: aName() });
    const all = await Promise.allSettled(Array.from({ length: 15 }, one));
    const drawn = all.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    expect(new Set(drawn.map(({ address }) => address)).size).toBe(13);
    expect(await outcome(one())).toBe("OUT_OF_ADDRESSES address:exhausted");
    const [first] = drawn;
    await cloud.delete(ElasticIpSchema, first?.id ?? "");
    await cloud.gone(ElasticIpSchema, first?.id ?? "");
    expect((await one()).address).toBe(first?.address);
  });

  test("can't change", async () => {
    const externalNetworkId = await makeExternalNetwork(cloud);
    const { id } = await cloud.create(ElasticIpSchema, { name: aName(), externalNetworkId });
    const changed = cloud.update(ElasticIpSchema, id, { address: "203.0.113.99" });
    expect(await outcome(changed)).toBe("INVALID_FIELDS address:immutable");
  });
});

describe("an IPv6 elastic IP", () => {
  const dual = async () => {
    const externalNetworkId = await makeExternalNetwork(cloud, "203.0.113.0/24", "2001:db8:113::/64");
    const vpc = await makeVpc(cloud, externalNetworkId, acme, "fd00:10::/48");
    return { externalNetworkId, port: await makePort(cloud, vpc.id) };
  };
  const make = (values: MessageInitShape<typeof ElasticIpSchema>) =>
    cloud.make(ElasticIpSchema, { name: aName(), ...values });

  test("leads to the port's IPv6 address, beside its IPv4 one", async () => {
    const { port } = await dual();
    const six = await make({ portId: port.id, family: IpFamily.IPV6 });
    const four = await make({ portId: port.id });
    expect([six.address, six.family, four.family]).toEqual(["2001:db8:113::3", IpFamily.IPV6, IpFamily.IPV4]);
    expect(held(six.id)).toMatchObject({ address: six.address, portAddress: port.ipv6Address });
    expect(held(four.id)).toMatchObject({ address: four.address, portAddress: port.ipAddress });
    const second = cloud.create(ElasticIpSchema, { name: aName(), portId: port.id, family: IpFamily.IPV6 });
    expect(await outcome(second)).toBe("ALREADY_EXISTS port_id:unique");
  });

  test("is of the network's pool, of one family, and of no network without IPv6", async () => {
    const { externalNetworkId } = await dual();
    const tried = (address: string, family?: IpFamily) =>
      outcome(make({ externalNetworkId, address, ...(family !== undefined && { family }) }));
    expect(await tried("2001:db8:113::77")).toBe("ok");
    expect(await tried("2001:db8:114::77")).toBe("INVALID_FIELDS address:range");
    expect(await tried("2001:db8:113::1")).toBe("INVALID_FIELDS address:range");
    expect(await tried("2001:db8:113::78", IpFamily.IPV4)).toBe("INVALID_FIELDS family:conflict");
    const four = await aPlace();
    const drawn = make({ externalNetworkId: four.externalNetworkId, family: IpFamily.IPV6 });
    expect(await outcome(drawn)).toBe("INVALID_FIELDS family:conflict");
    const { externalNetworkId: both } = await dual();
    const vpc = await makeVpc(cloud, both);
    const port = await makePort(cloud, vpc.id);
    expect(await outcome(make({ portId: port.id, family: IpFamily.IPV6 }))).toBe("INVALID_FIELDS port_id:conflict");
  });
});

describe("an elastic IP's port", () => {
  test("may be left out, be given, change and be cleared; the network follows", async () => {
    const { externalNetworkId, vpc, port } = await aPlace();
    const other = await makePort(cloud, vpc.id);
    const { id, address } = await cloud.make(ElasticIpSchema, { name: aName(), externalNetworkId });
    expect(held(id)).toBeUndefined();
    for (const each of [port, other]) {
      await cloud.update(ElasticIpSchema, id, { portId: each.id });
      await cloud.ready(ElasticIpSchema, id);
      expect(held(id)).toMatchObject({ vpcId: vpc.id, address, portId: each.id, portAddress: each.ipAddress });
    }
    await cloud.update(ElasticIpSchema, id, {}, ["port_id"]);
    expect((await cloud.ready(ElasticIpSchema, id)).address).toBe(address);
    expect(held(id)).toBeUndefined();
  });

  test("must be of a VPC that is joined to the same external network; the error says what to do", async () => {
    const { externalNetworkId } = await aPlace();
    const closed = await makePort(cloud, (await makeVpc(cloud)).id);
    const elsewhere = (await aPlace()).port;
    for (const portId of [closed.id, elsewhere.id]) {
      const fault = await faultOf(cloud.create(ElasticIpSchema, { name: aName(), externalNetworkId, portId }));
      expect(fault.details.violations).toMatchObject([{ path: "port_id", rule: "conflict" }]);
      expect(fault.message).toContain("set the VPC's external_network_id");
    }
    const nameless = cloud.create(ElasticIpSchema, { name: aName(), portId: closed.id });
    expect(await outcome(nameless)).toBe("INVALID_FIELDS port_id:conflict");
  });

  test("has one elastic IP; the error names it", async () => {
    const { port } = await aPlace();
    const { id } = await cloud.create(ElasticIpSchema, { name: aName(), portId: port.id });
    const fault = await faultOf(cloud.create(ElasticIpSchema, { name: aName(), portId: port.id }));
    expect([fault.reason, fault.details.violations]).toMatchObject(["ALREADY_EXISTS", [{ path: "port_id" }]]);
    expect(fault.message).toContain(id);
  });

  test("can't be deleted under it, and is of its own project", async () => {
    const { port, externalNetworkId } = await aPlace();
    const values = { externalNetworkId, portId: port.id };
    const foreign = cloud.create(ElasticIpSchema, { ...beta, ...values, name: aName() });
    expect(await outcome(foreign)).toBe("INVALID_FIELDS port_id:unknown_reference");
    const { id } = await cloud.make(ElasticIpSchema, { ...values, name: aName() });
    expect(await outcome(cloud.delete(PortSchema, port.id))).toBe("STILL_REFERENCED");
    await cloud.delete(ElasticIpSchema, id);
    await cloud.gone(ElasticIpSchema, id);
    expect(held(id)).toBeUndefined();
    expect(await outcome(cloud.delete(PortSchema, port.id))).toBe("ok");
  });
});

const sample = sampleNetwork("1");
const [port] = sample.ports;
fiveLaws<typeof ElasticIpSchema, SimulatedDrivers>({
  name: "ElasticIp",
  reconciler: elasticIpReconciler,
  makeResource: () =>
    create(ElasticIpSchema, { ...acme, id: "eip-1", name: "web", address: "203.0.113.20", portId: port.id }),
  related: () => {
    const { subnetId, vpcId, id } = port;
    const ofPort = create(PortSchema, { ...acme, id, subnetId, ipAddress: "10.0.1.10" });
    const subnet = create(SubnetSchema, { ...acme, id: subnetId, vpcId });
    return [
      { schema: PortSchema, id, message: ofPort },
      { schema: SubnetSchema, id: subnetId, message: subnet },
    ];
  },
  drivers: () => ({ ...simulatedDrivers() }),
  prepare: async ({ network }) => {
    for (const object of [...inOrder(sample), ...sampleOutside("1")])
      await network.ensure(object, new AbortController().signal);
  },
  snapshot: ({ network }) => network.snapshot(),
});
