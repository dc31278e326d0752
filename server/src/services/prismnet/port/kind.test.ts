import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { State } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { DeviceType, PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { SecurityGroupSchema } from "@photoncloud/proto/gen/prismnet/v1/security_group_pb";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { type SimulatedDrivers, simulatedDrivers } from "../../../backends/detect.ts";
import { inOrder, sampleNetwork } from "../../../backends/network/contract.ts";
import { fiveLaws } from "../../../engine/testing/five-laws.ts";
import { acme, beta, faultOf, openSmallCloud, outcome, rival, type SmallCloud } from "../../testing/small-cloud.ts";
import { portReconciler } from "./kind.steps.ts";

let cloud: SmallCloud;
beforeAll(async () => {
  cloud = await openSmallCloud();
});
afterAll(() => cloud.stop());

let made = 0;
const aName = () => `n${++made}`;
const aSubnet = async (cidr = "10.0.1.0/24", tenant = acme) => {
  const vpc = await cloud.create(VpcSchema, { ...tenant, name: aName(), cidr: "10.0.0.0/16" });
  return cloud.create(SubnetSchema, { ...tenant, name: aName(), vpcId: vpc.id, cidr });
};
/** In fd00:10::/64. */
const aDualSubnet = async () => {
  const vpc = await cloud.create(VpcSchema, { name: aName(), cidr: "10.0.0.0/16", ipv6Cidr: "fd00:10::/48" });
  return cloud.create(SubnetSchema, { name: aName(), vpcId: vpc.id, cidr: "10.0.1.0/24" });
};
type Asked = { ipAddress?: string; ipv6Address?: string; securityGroupIds?: string[]; name?: string };
const aPort = (subnetId: string, values: Asked = {}) =>
  cloud.create(PortSchema, { name: aName(), subnetId, ...values });
const anAddress = async (subnetId: string) => (await aPort(subnetId)).ipAddress;

describe("a port's address", () => {
  test.each([
    ["10.0.1.10", "ok"],
    ["10.0.1.253", "ok"],
    ["10.0.1.254", "INVALID_FIELDS ip_address:range"],
    ["10.0.1.0", "INVALID_FIELDS ip_address:range"],
    ["10.0.1.255", "INVALID_FIELDS ip_address:range"],
    ["10.0.1.1", "INVALID_FIELDS ip_address:range"],
    ["10.0.2.10", "INVALID_FIELDS ip_address:range"],
    ["10.0.1.010", "INVALID_FIELDS ip_address:format"],
    ["", "INVALID_FIELDS ip_address:format"],
  ])("asked for as %p is %s", async (ipAddress, expected) => {
    const { id } = await aSubnet();
    expect(await outcome(aPort(id, { ipAddress }))).toBe(expected);
  });

  test("that is taken is refused with its holder, until that is gone", async () => {
    const { id } = await aSubnet();
    const holder = await aPort(id, { ipAddress: "10.0.1.10" });
    const fault = await faultOf(aPort(id, { ipAddress: "10.0.1.10" }));
    expect(fault.reason).toBe("ALREADY_EXISTS");
    expect(fault.details.violations).toMatchObject([{ path: "ip_address", rule: "unique" }]);
    expect(fault.message).toContain(holder.id);
    await cloud.delete(PortSchema, holder.id);
    await cloud.gone(PortSchema, holder.id);
    expect(await outcome(aPort(id, { ipAddress: "10.0.1.10" }))).toBe("ok");
  });

  test("is drawn lowest first, and a freed one is drawn again", async () => {
    const { id } = await aSubnet();
    await aPort(id, { ipAddress: "10.0.1.3" });
    const first = await aPort(id);
    expect([first.ipAddress, await anAddress(id)]).toEqual(["10.0.1.2", "10.0.1.4"]);
    await cloud.delete(PortSchema, first.id);
    await cloud.gone(PortSchema, first.id);
    expect(await anAddress(id)).toBe("10.0.1.2");
  });

  test("is drawn for every one of 64 at the same time, each another one", async () => {
    const { id } = await aSubnet();
    const ports = await Promise.all(Array.from({ length: 64 }, () => aPort(id)));
    expect(new Set(ports.map((port) => port.ipAddress)).size).toBe(64);
    expect(new Set(ports.map((port) => port.macAddress)).size).toBe(64);
  });

  test("is drawn until a full subnet has none left, however many ask, and again when one is free", async () => {
    const { id } = await aSubnet("10.0.1.0/28");
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => outcome(aPort(id))));
    expect(outcomes.filter((one) => one === "ok")).toHaveLength(12);
    expect(outcomes.filter((one) => one === "OUT_OF_ADDRESSES ip_address:exhausted")).toHaveLength(8);
    expect(await outcome(aPort(id, { ipAddress: "10.0.1.20" }))).toBe("INVALID_FIELDS ip_address:range");
  });

  test("is not taken by a request that fails for another reason", async () => {
    const { id } = await aSubnet("10.0.1.0/28");
    await aPort(id, { name: "taken" });
    for (let i = 0; i < 20; i++) expect(await outcome(aPort(id, { name: "taken" }))).toBe("ALREADY_EXISTS name:unique");
    const outcomes = [];
    for (let i = 0; i < 13; i++) outcomes.push(await outcome(aPort(id)));
    expect(outcomes.filter((one) => one === "ok")).toHaveLength(11);
  });

  test("can't change, and stays through an update of something else", async () => {
    const { id } = await aSubnet();
    const port = await cloud.make(PortSchema, { name: aName(), subnetId: id });
    const changed = cloud.update(PortSchema, port.id, { ipAddress: "10.0.1.99" });
    expect(await outcome(changed)).toBe("INVALID_FIELDS ip_address:immutable");
    const renamed = await cloud.update(PortSchema, port.id, { name: aName() });
    expect([renamed.ipAddress, renamed.macAddress]).toEqual([port.ipAddress, port.macAddress]);
    expect(await outcome(aPort(id, { ipAddress: port.ipAddress ?? "" }))).toBe("ALREADY_EXISTS ip_address:unique");
  });
});

describe("a port's IPv6 address", () => {
  test.each([
    ["fd00:10::10", "ok"],
    ["fd00:10::ffff:ffff:ffff:fffe", "ok"],
    ["fd00:10::", "INVALID_FIELDS ipv6_address:range"],
    ["fd00:10::1", "INVALID_FIELDS ipv6_address:range"],
    ["fd00:10::2", "INVALID_FIELDS ipv6_address:range"],
    ["fd00:11::10", "INVALID_FIELDS ipv6_address:range"],
    ["10.0.1.10", "INVALID_FIELDS ipv6_address:range"],
    ["FD00:10::10", "INVALID_FIELDS ipv6_address:format"],
  ])("asked for as %p is %s", async (ipv6Address, expected) => {
    expect(await outcome(aPort((await aDualSubnet()).id, { ipv6Address }))).toBe(expected);
  });

  test("is drawn lowest first, beside the IPv4 address, and a freed one is drawn again", async () => {
    const { id } = await aDualSubnet();
    await aPort(id, { ipv6Address: "fd00:10::4" });
    const first = await aPort(id);
    expect([first.ipv6Address, (await aPort(id)).ipv6Address]).toEqual(["fd00:10::3", "fd00:10::5"]);
    await cloud.delete(PortSchema, first.id);
    await cloud.gone(PortSchema, first.id);
    expect((await aPort(id)).ipv6Address).toBe("fd00:10::3");
  });

  test("that is taken is refused with its holder, also where many ask at the same time", async () => {
    const { id } = await aDualSubnet();
    const asked = Array.from({ length: 8 }, () => outcome(aPort(id, { ipv6Address: "fd00:10::77" })));
    const outcomes = await Promise.all(asked);
    expect(outcomes.filter((one) => one === "ok")).toHaveLength(1);
    expect(outcomes.filter((one) => one === "ALREADY_EXISTS ipv6_address:unique")).toHaveLength(7);
  });

  test("is drawn for every one of 64 at the same time, each another one", async () => {
    const { id } = await aDualSubnet();
    const ports = await Promise.all(Array.from({ length: 64 }, () => aPort(id)));
    expect(new Set(ports.map((port) => port.ipv6Address)).size).toBe(64);
  });

  test("is refused where the subnet has no IPv6", async () => {
    const { id } = await aSubnet();
    expect(await outcome(aPort(id, { ipv6Address: "fd00::10" }))).toBe("INVALID_FIELDS ipv6_address:conflict");
    expect((await aPort(id)).ipv6Address).toBeUndefined();
  });

  test("reaches the network, with bandwidth and forwarding", async () => {
    const { id: subnetId } = await aDualSubnet();
    const asked = {
      forwarding: true,
      bandwidth: { ingressKbps: 1000 },
      ipAddress: "10.0.1.9",
      ipv6Address: "fd00:10::9",
    };
    const { id } = await cloud.make(PortSchema, { name: aName(), subnetId, ...asked });
    const addresses = { ipAddresses: ["10.0.1.9", "fd00:10::9"] };
    const held = () => cloud.drivers.network.snapshot()[`port/${id}`];
    expect(held()).toMatchObject({ forwarding: true, bandwidth: { ingressKbps: 1000 }, ...addresses });
    await cloud.update(PortSchema, id, { bandwidth: { egressKbps: 64 } }, ["bandwidth"]);
    await cloud.ready(PortSchema, id);
    expect(held()).toMatchObject({ bandwidth: { egressKbps: 64 } });
  });
});

test("a port is up while the network says so, and stays ready when it is not", async () => {
  const { id } = await cloud.make(PortSchema, { name: aName(), subnetId: (await aSubnet()).id });
  expect(await cloud.ready(PortSchema, id)).toMatchObject({ up: false });
  cloud.drivers.network.plug(id, true);
  await cloud.until(PortSchema, id, ({ up }) => up);
  cloud.drivers.network.plug(id, false);
  const down = await cloud.until(PortSchema, id, ({ up }) => !up);
  expect(down.status?.state).toBe(State.READY);
});

describe("a port's name in the network", () => {
  const hostname = (id: string) => Reflect.get(cloud.drivers.network.snapshot()[`port/${id}`] ?? {}, "hostname");
  const hasName = (id: string, name: string) => cloud.until(PortSchema, id, () => hostname(id) === name);

  test("is its own, and its machine's while it has one", async () => {
    const { id } = await cloud.make(PortSchema, { name: "eth", subnetId: (await aSubnet()).id });
    expect(hostname(id)).toBe("eth");
    const vm = await cloud.make(VmSchema, { name: "web", spec: { network: [{ id: "eth0", portId: id }] } });
    await hasName(id, "web");
    await cloud.update(VmSchema, vm.id, { name: "www" });
    await hasName(id, "www");
    await cloud.delete(VmSchema, vm.id);
    await cloud.gone(VmSchema, vm.id);
    await hasName(id, "eth");
  });
});

test("a port's MAC is ours, and its tenant's values for outputs are ignored", async () => {
  const { id } = await aSubnet();
  const values = { name: aName(), subnetId: id, macAddress: "00:00:00:00:00:01", deviceId: "vm-mine" };
  const port = await cloud.create(PortSchema, values);
  expect(port.macAddress).toMatch(/^fa:16:3e(:[0-9a-f]{2}){3}$/);
  expect([port.deviceId, port.deviceType]).toEqual(["", DeviceType.UNSPECIFIED]);
});

describe("a port's references", () => {
  test("an unknown subnet and a foreign one are refused in the same words", async () => {
    const foreign = await aSubnet("10.0.1.0/24", rival);
    const [a, b] = [await faultOf(aPort(foreign.id)), await faultOf(aPort("subnet-nowhere"))];
    expect(a.details.violations).toMatchObject([{ path: "subnet_id", rule: "unknown_reference" }]);
    expect(a.message.replace(foreign.id, "subnet-nowhere")).toBe(b.message);
  });

  test("a security group must be of the same project, and named once", async () => {
    const { id } = await aSubnet();
    const other = await cloud.create(SecurityGroupSchema, { ...beta, name: aName() });
    const mine = await cloud.create(SecurityGroupSchema, { name: aName() });
    const unknown = "INVALID_FIELDS security_group_ids[0]:unknown_reference";
    expect(await outcome(aPort(id, { securityGroupIds: [other.id] }))).toBe(unknown);
    const twice = aPort(id, { securityGroupIds: [mine.id, mine.id] });
    expect(await outcome(twice)).toBe("INVALID_FIELDS security_group_ids[1]:unique");
  });

  test("its groups reach the network, and go before the group can", async () => {
    const { id } = await aSubnet();
    const group = await cloud.make(SecurityGroupSchema, { name: aName() });
    const port = await cloud.make(PortSchema, { name: aName(), subnetId: id, securityGroupIds: [group.id] });
    const held = () => cloud.drivers.network.snapshot()[`port/${port.id}`];
    expect(held()).toMatchObject({ securityGroupIds: [group.id], ipAddresses: [port.ipAddress] });
    expect(await outcome(cloud.delete(SecurityGroupSchema, group.id))).toBe("STILL_REFERENCED");
    await cloud.update(PortSchema, port.id, { securityGroupIds: [] }, ["security_group_ids"]);
    await cloud.delete(SecurityGroupSchema, group.id);
    await cloud.gone(SecurityGroupSchema, group.id);
    expect(held()).toMatchObject({ securityGroupIds: [] });
  });
});

describe("a device of the tenant's own", () => {
  const device = { deviceId: "appliance-1", deviceType: DeviceType.OTHER };
  const attach = (id: string, deviceId = device.deviceId) =>
    cloud.custom(PortSchema, "AttachDevice", { id, deviceId, deviceType: DeviceType.OTHER });
  const detach = (id: string) => cloud.custom(PortSchema, "DetachDevice", { id });

  test("is plugged in once, keeps the port, and is pulled by hand", async () => {
    const { id } = await aPort((await aSubnet()).id);
    expect(await attach(id)).toMatchObject(device);
    expect(await attach(id)).toMatchObject(device);
    expect(await outcome(attach(id, "appliance-2"))).toBe("WRONG_STATE");
    expect((await faultOf(cloud.delete(PortSchema, id))).message).toContain("device appliance-1");
    expect(await detach(id)).toMatchObject({ deviceId: "", deviceType: DeviceType.UNSPECIFIED });
    expect(await outcome(detach(id))).toBe("ok");
    expect(await outcome(cloud.delete(PortSchema, id))).toBe("ok");
  });

  test("needs an id, and is no VM", async () => {
    const { id } = await aPort((await aSubnet()).id);
    expect(await outcome(attach(id, ""))).toBe("INVALID_FIELDS device_id:required");
    expect(await outcome(attach(id, "x".repeat(129)))).toBe("INVALID_FIELDS device_id:size");
    const asVm = cloud.custom(PortSchema, "AttachDevice", { id, deviceId: "vm-1", deviceType: DeviceType.VM });
    expect(await outcome(asVm)).toBe("INVALID_FIELDS device_type:enum");
  });
});

test("a plan of a port takes no address", async () => {
  const { id } = await aSubnet();
  await cloud.plan(PortSchema, "", { name: aName(), subnetId: id });
  expect(await anAddress(id)).toBe("10.0.1.2");
});

const sample = sampleNetwork("1");
const [[subnetSwitch]] = sample.subnets;
fiveLaws<typeof PortSchema, SimulatedDrivers>({
  name: "Port",
  reconciler: portReconciler,
  makeResource: () => {
    const addresses = { macAddress: "fa:16:3e:00:00:01", ipAddress: "10.0.1.10", securityGroupIds: [sample.filter.id] };
    return create(PortSchema, { ...acme, id: "port-1", name: "web", subnetId: subnetSwitch.id, ...addresses });
  },
  related: () => {
    const subnet = create(SubnetSchema, { ...acme, id: subnetSwitch.id, vpcId: sample.router.id });
    return [{ schema: SubnetSchema, id: subnetSwitch.id, message: subnet }];
  },
  drivers: () => ({ ...simulatedDrivers() }),
  prepare: async ({ network }) => {
    const base = inOrder(sample).filter(({ type }) => type !== "port");
    for (const object of base) await network.ensure(object, new AbortController().signal);
  },
  snapshot: ({ network }) => network.snapshot(),
});
