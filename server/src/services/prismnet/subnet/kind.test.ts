import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { type SimulatedDrivers, simulatedDrivers } from "../../../backends/detect.ts";
import { sampleNetwork } from "../../../backends/network/contract.ts";
import { fiveLaws } from "../../../engine/testing/five-laws.ts";
import { acme, faultOf, openSmallCloud, outcome, rival, type SmallCloud } from "../../testing/small-cloud.ts";
import { subnetReconciler } from "./kind.steps.ts";
import { ownMac, serviceAddressOf } from "./own-addresses.ts";

let cloud: SmallCloud;
beforeAll(async () => {
  cloud = await openSmallCloud();
});
afterAll(() => cloud.stop());

let made = 0;
const aName = () => `n${++made}`;
const aVpc = async (cidr = "10.0.0.0/16", ipv6Cidr?: string) =>
  (await cloud.create(VpcSchema, { name: aName(), cidr, ...(ipv6Cidr !== undefined && { ipv6Cidr }) })).id;
type Asked = Partial<Record<"cidr" | "gateway" | "name" | "ipv6Cidr", string>> & { mtu?: number };
const aSubnet = (vpcId: string, values: Asked = {}) => cloud.create(SubnetSchema, { name: aName(), vpcId, ...values });

describe("a subnet's cidr", () => {
  test.each([
    ["10.0.1.0/24", "ok"],
    ["10.0.0.0/16", "ok"],
    ["10.1.0.0/24", "INVALID_FIELDS cidr:range"],
    ["10.0.0.0/15", "INVALID_FIELDS cidr:range"],
    ["10.0.1.0/29", "INVALID_FIELDS cidr:range"],
    ["10.0.1.1/24", "INVALID_FIELDS cidr:format"],
    ["10.0.1.0", "INVALID_FIELDS cidr:format"],
  ])("%p in 10.0.0.0/16 is %s", async (cidr, expected) => {
    expect(await outcome(aSubnet(await aVpc(), { cidr }))).toBe(expected);
  });

  test("that overlaps a sibling is refused with the sibling's name and a free block", async () => {
    const vpcId = await aVpc();
    await aSubnet(vpcId, { cidr: "10.0.0.0/24", name: "web" });
    const fault = await faultOf(aSubnet(vpcId, { cidr: "10.0.0.128/25" }));
    expect(fault.details.violations).toMatchObject([{ path: "cidr", rule: "overlap" }]);
    expect(fault.message).toMatch(/overlaps 10\.0\.0\.0\/24 of subnet "web" \(subnet-\w+\); 10\.0\.1\.0\/25 is free/);
  });

  test("may be the same in another VPC, and again after the first is gone", async () => {
    const [one, other] = [await aVpc(), await aVpc()];
    const { id } = await aSubnet(one, { cidr: "10.0.1.0/24" });
    await aSubnet(other, { cidr: "10.0.1.0/24" });
    await cloud.delete(SubnetSchema, id);
    await cloud.gone(SubnetSchema, id);
    expect(await outcome(aSubnet(one, { cidr: "10.0.1.0/24" }))).toBe("ok");
  });

  test("is drawn: the lowest free /24, then what is left, until there is nothing", async () => {
    const vpcId = await aVpc("10.0.0.0/22");
    await aSubnet(vpcId, { cidr: "10.0.1.0/26" });
    const drawn = [];
    for (let i = 0; i < 5; i++) drawn.push((await aSubnet(vpcId)).cidr);
    expect(drawn).toEqual(["10.0.0.0/24", "10.0.2.0/24", "10.0.3.0/24", "10.0.1.128/25", "10.0.1.64/26"]);
    expect(await outcome(aSubnet(vpcId))).toBe("OUT_OF_ADDRESSES cidr:exhausted");
  });

  test("is all of a VPC that is smaller than a /24", async () => {
    expect((await aSubnet(await aVpc("10.0.0.64/26"))).cidr).toBe("10.0.0.64/26");
  });

  test("is drawn by 16 at the same time without an overlap", async () => {
    const vpcId = await aVpc();
    const subnets = await Promise.all(Array.from({ length: 16 }, () => aSubnet(vpcId)));
    expect(new Set(subnets.map(({ cidr }) => cidr)).size).toBe(16);
  });

  test("is given to exactly one of many that overlap and ask at the same time", async () => {
    const vpcId = await aVpc();
    const cidrs = Array.from({ length: 12 }, (_, i) => `10.0.0.0/${17 + i}`);
    const outcomes = await Promise.all(cidrs.map((cidr) => outcome(aSubnet(vpcId, { cidr }))));
    expect(outcomes.filter((one) => one === "ok")).toHaveLength(1);
    expect(outcomes.filter((one) => one === "INVALID_FIELDS cidr:overlap")).toHaveLength(11);
  });
});

describe("a subnet's gateway", () => {
  test.each([
    [undefined, "10.0.1.1"],
    ["10.0.1.254", "10.0.1.254"],
    ["10.0.1.0", "INVALID_FIELDS gateway:range"],
    ["10.0.1.255", "INVALID_FIELDS gateway:range"],
    ["10.0.2.1", "INVALID_FIELDS gateway:range"],
    ["one", "INVALID_FIELDS gateway:format"],
  ])("%p is answered with %s", async (gateway, expected) => {
    const asked = aSubnet(await aVpc(), { cidr: "10.0.1.0/24", ...(gateway && { gateway }) });
    expect(expected.startsWith("10.") ? (await asked).gateway : await outcome(asked)).toBe(expected);
  });

  test("has a MAC of its own for each address", () => {
    expect(ownMac("10.0.1.1")).toBe("0a:00:0a:00:01:01");
    expect(ownMac("192.168.255.254")).toBe("0a:00:c0:a8:ff:fe");
  });
});

describe("a subnet's IPv6", () => {
  const vpc6 = "fd00:10::/48";
  test.each([
    [undefined, "ok"],
    ["fd00:10:0:7::/64", "ok"],
    ["fd00:10:0:7::/65", "INVALID_FIELDS ipv6_cidr:range"],
    ["fd00:10::/63", "INVALID_FIELDS ipv6_cidr:range"],
    ["fd00:11::/64", "INVALID_FIELDS ipv6_cidr:range"],
    ["10.0.1.0/24", "INVALID_FIELDS ipv6_cidr:range"],
    ["fd00:10:0:7::1/64", "INVALID_FIELDS ipv6_cidr:format"],
    ["FD00:10:0:7::/64", "INVALID_FIELDS ipv6_cidr:format"],
  ])("%p in fd00:10::/48 is %s", async (ipv6Cidr, expected) => {
    const vpcId = await aVpc("10.0.0.0/16", vpc6);
    expect(await outcome(aSubnet(vpcId, ipv6Cidr === undefined ? {} : { ipv6Cidr }))).toBe(expected);
  });

  test("is there only where the VPC has it", async () => {
    const vpcId = await aVpc();
    expect(await aSubnet(vpcId)).toMatchObject({ ipv6Gateway: "" });
    expect(await outcome(aSubnet(vpcId, { ipv6Cidr: "fd00::/64" }))).toBe("INVALID_FIELDS ipv6_cidr:conflict");
  });

  test("is drawn, the lowest free block first, with the router at its first address", async () => {
    const vpcId = await aVpc("10.0.0.0/16", vpc6);
    await aSubnet(vpcId, { ipv6Cidr: "fd00:10:0:1::/64" });
    const drawn = await Promise.all([aSubnet(vpcId), aSubnet(vpcId)]);
    expect(drawn.map(({ ipv6Cidr }) => ipv6Cidr).sort()).toEqual(["fd00:10:0:2::/64", "fd00:10::/64"]);
    const { id } = drawn.find(({ ipv6Cidr }) => ipv6Cidr === "fd00:10::/64") ?? { id: "" };
    expect(await cloud.ready(SubnetSchema, id)).toMatchObject({ ipv6Gateway: "fd00:10::1" });
  });

  test("that overlaps a sibling is refused with the sibling's name and a free block", async () => {
    const vpcId = await aVpc("10.0.0.0/16", vpc6);
    await aSubnet(vpcId, { ipv6Cidr: "fd00:10::/64", name: "web6" });
    const fault = await faultOf(aSubnet(vpcId, { ipv6Cidr: "fd00:10::/64" }));
    expect(fault.details.violations).toMatchObject([{ path: "ipv6_cidr", rule: "overlap" }]);
    expect(fault.message).toMatch(/of subnet "web6" \(subnet-\w+\); fd00:10:0:1::\/64 is free/);
  });

  test("ends with the VPC's last block", async () => {
    const vpcId = await aVpc("10.0.0.0/16", "fd00:10:0:8::/63");
    await Promise.all([aSubnet(vpcId), aSubnet(vpcId)]);
    expect(await outcome(aSubnet(vpcId))).toBe("OUT_OF_ADDRESSES ipv6_cidr:exhausted");
  });

  test("reaches the network beside IPv4", async () => {
    const vpcId = await aVpc("10.0.0.0/16", vpc6);
    const { id } = await cloud.make(SubnetSchema, { name: aName(), vpcId, cidr: "10.0.1.0/24", mtu: 1400 });
    const held = cloud.drivers.network.snapshot();
    expect(held[`switch/${id}`]).toMatchObject({ cidrs: ["10.0.1.0/24", "fd00:10::/64"] });
    expect(held[`router-port/${id}`]).toMatchObject({ addresses: ["10.0.1.1/24", "fd00:10::1/64"], mtu: 1400 });
    expect(held[`service-port/${id}`]).toMatchObject({ addresses: ["10.0.1.254/24", "fd00:10::2/64"] });
    expect(held[`dhcp/${id}`]).toMatchObject({
      ipv6Cidr: "fd00:10::/64",
      dnsServers: ["10.0.1.254", "fd00:10::2"],
      mtu: 1400,
    });
  });
});

describe("a subnet's name servers", () => {
  const told = async (dnsServers: string[]) => {
    const vpcId = await aVpc("10.0.0.0/16", "fd00:10::/48");
    const { id } = await cloud.make(SubnetSchema, { name: aName(), vpcId, dnsServers });
    const held = cloud.drivers.network.snapshot();
    const [dhcp, router] = [held[`dhcp/${id}`], held[`router-port/${id}`]];
    return [dhcp?.type === "dhcp" && dhcp.dnsServers, router?.type === "router-port" && router.names?.dnsServer];
  };

  test("are the cloud's own of both families, unless some are named", async () => {
    expect(await told([])).toEqual([["10.0.0.254", "fd00:10::2"], "fd00:10::2"]);
    const named = ["192.0.2.53", "2001:db8::53"];
    expect(await told(named)).toEqual([named, "2001:db8::53"]);
    expect(await told(["192.0.2.53"])).toEqual([["192.0.2.53"], undefined]);
  });
});

describe("a subnet's service address", () => {
  test.each([
    [undefined, "10.0.1.254"],
    ["10.0.1.254", "10.0.1.253"],
    ["10.0.1.9", "10.0.1.254"],
  ])("with the gateway %p is %s", async (gateway, expected) => {
    const asked = gateway === undefined ? {} : { gateway };
    expect((await aSubnet(await aVpc(), { cidr: "10.0.1.0/24", ...asked })).serviceAddress).toBe(expected);
    expect(serviceAddressOf({ cidr: "10.0.1.0/24", gateway: gateway ?? "10.0.1.1" })).toBe(expected);
  });
});

test.each([
  [1279, "INVALID_FIELDS mtu:range"],
  [8942, "ok"],
  [8943, "INVALID_FIELDS mtu:range"],
])("an MTU of %p is %s", async (mtu, expected) => {
  expect(await outcome(aSubnet(await aVpc(), { mtu }))).toBe(expected);
});

describe("a subnet's references", () => {
  test("an unknown VPC and a foreign one are refused in the same words", async () => {
    const foreign = await cloud.create(VpcSchema, { ...rival, name: aName(), cidr: "10.0.0.0/16" });
    const [a, b] = [await faultOf(aSubnet(foreign.id)), await faultOf(aSubnet("vpc-nowhere"))];
    expect(a.details.violations).toMatchObject([{ path: "vpc_id", rule: "unknown_reference" }]);
    expect(a.message.replace(foreign.id, "vpc-nowhere")).toBe(b.message);
  });

  test("a VPC with a subnet can't be deleted, and the error names the subnet", async () => {
    const vpcId = await aVpc();
    const { id } = await aSubnet(vpcId);
    const fault = await faultOf(cloud.delete(VpcSchema, vpcId));
    expect(fault.reason).toBe("STILL_REFERENCED");
    expect(fault.details.resources).toEqual([`org/acme/project/alpha/subnet/${id}`]);
  });
});

test("a subnet has DHCP unless it is turned off, also later", async () => {
  const subnet = await cloud.make(SubnetSchema, { name: aName(), vpcId: await aVpc() });
  expect(subnet.dhcpEnabled).toBe(true);
  const dhcp = { type: "dhcp", id: subnet.id } as const;
  expect(await cloud.drivers.network.inventory()).toContainEqual(dhcp);
  await cloud.update(SubnetSchema, subnet.id, { dhcpEnabled: false });
  await cloud.ready(SubnetSchema, subnet.id);
  expect(await cloud.drivers.network.inventory()).not.toContainEqual(dhcp);
  const changed = cloud.update(SubnetSchema, subnet.id, { cidr: "10.0.9.0/24" });
  expect(await outcome(changed)).toBe("INVALID_FIELDS cidr:immutable");
});

const { router } = sampleNetwork("1");
fiveLaws<typeof SubnetSchema, SimulatedDrivers>({
  name: "Subnet",
  reconciler: subnetReconciler,
  makeResource: () => {
    const ipv6 = { ipv6Cidr: "fd00:10::/64", ipv6Gateway: "fd00:10::1" };
    const ipv4 = { cidr: "10.0.1.0/24", gateway: "10.0.1.1", serviceAddress: "10.0.1.254" };
    const block = { ...ipv4, ...ipv6, dhcpEnabled: true };
    return create(SubnetSchema, { ...acme, id: "subnet-1", name: "web", vpcId: router.id, ...block });
  },
  drivers: () => ({ ...simulatedDrivers() }),
  prepare: ({ network }) => network.ensure(router, new AbortController().signal),
  snapshot: ({ network }) => network.snapshot(),
});
