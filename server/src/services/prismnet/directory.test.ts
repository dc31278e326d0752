import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { ElasticIpSchema } from "@photoncloud/proto/gen/prismnet/v1/elastic_ip_pb";
import { PeeringSchema } from "@photoncloud/proto/gen/prismnet/v1/peering_pb";
import { PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { SecurityGroupSchema } from "@photoncloud/proto/gen/prismnet/v1/security_group_pb";
import { type Subnet, SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { type Vpc, VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import type { Directory, Place } from "../../agent/directory.ts";
import { systemClock } from "../../clock.ts";
import { makeExternalNetwork } from "../testing/outside.ts";
import { acme, beta, openSmallCloud, rival, type SmallCloud } from "../testing/small-cloud.ts";
import { createDirectory } from "./directory.ts";

let cloud: SmallCloud;
let directory: Directory;
let time = 0;
beforeAll(async () => {
  cloud = await openSmallCloud();
  // What is remembered of a VPC is old news at the next question.
  directory = createDirectory({ store: cloud.store, clock: { ...systemClock, now: () => (time += 10_000) } });
});
afterAll(() => cloud.stop());

let made = 0;
const aName = () => `n${++made}`;
type TenantIds = typeof acme;

const aVpc = (tenant: TenantIds = acme, values: { cidr?: string; externalNetworkId?: string } = {}) =>
  cloud.create(VpcSchema, { ...tenant, name: aName(), cidr: "10.0.0.0/16", ipv6Cidr: "fd00:10::/48", ...values });
const aSubnet = ({ orgId, projectId, id: vpcId }: Vpc) =>
  cloud.create(SubnetSchema, { orgId, projectId, name: aName(), vpcId });
const aPort = ({ orgId, projectId, id: subnetId }: Subnet, name = aName()) =>
  cloud.create(PortSchema, { orgId, projectId, name, subnetId });
const placeOf = ({ orgId, projectId, vpcId, id }: Subnet): Place => ({
  org: orgId,
  project: projectId,
  vpcId,
  subnetId: id,
});
const nameIn = (tenant: TenantIds, label: string) => ({ label, project: tenant.projectId, org: tenant.orgId });

async function world(tenant: TenantIds = acme, values: Parameters<typeof aVpc>[1] = {}) {
  const vpc = await aVpc(tenant, values);
  const subnet = await aSubnet(vpc);
  return { vpc, subnet, place: placeOf(subnet) };
}

const aVm = (tenant: TenantIds, portIds: readonly string[], name = aName(), userData?: string) => {
  const network = portIds.map((portId, i) => ({ id: `eth${i}`, portId }));
  return cloud.create(VmSchema, { ...tenant, name, spec: { network, ...(userData && { userData }) } });
};

describe("a name", () => {
  test("of a port has its addresses, in its VPC alone", async () => {
    const { subnet, place } = await world();
    const port = await aPort(subnet);
    const name = nameIn(acme, port.name);
    expect(await directory.addresses(place, name)).toEqual([port.ipAddress, port.ipv6Address]);
    expect(await directory.addresses(place, nameIn(beta, port.name))).toBeUndefined();
    expect(await directory.addresses(place, nameIn(acme, "nobody"))).toBeUndefined();
    expect(await directory.addresses((await world()).place, name)).toBeUndefined();
    expect(await directory.addresses((await world(rival)).place, name)).toBeUndefined();
  });

  test("of a VM has all of its ports' addresses in the VPC, and wins over a port's", async () => {
    const { vpc, subnet, place } = await world();
    const other = await world();
    const ports = [await aPort(subnet), await aPort(await aSubnet(vpc)), await aPort(other.subnet)];
    const name = aName();
    const namesake = await aPort(subnet, name);
    expect(await directory.addresses(place, nameIn(acme, name))).toContain(namesake.ipAddress);
    await aVm(
      acme,
      ports.map(({ id }) => id),
      name,
    );
    const found = await directory.addresses(place, nameIn(acme, name));
    expect(found).toEqual(ports.slice(0, 2).flatMap(({ ipAddress, ipv6Address }) => [ipAddress, ipv6Address]));
    expect(await directory.addresses(other.place, nameIn(acme, name))).toEqual([
      ports[2]?.ipAddress,
      ports[2]?.ipv6Address,
    ]);
  });

  test("of a VM without an address there is the port's", async () => {
    const { subnet, place } = await world();
    const port = await aPort(subnet);
    await aVm(acme, [], port.name);
    expect(await directory.addresses(place, nameIn(acme, port.name))).toEqual([port.ipAddress, port.ipv6Address]);
  });

  test("is there at once, and gone at once", async () => {
    const { subnet, place } = await world();
    const name = aName();
    expect(await directory.addresses(place, nameIn(acme, name))).toBeUndefined();
    const port = await aPort(subnet, name);
    expect(await directory.addresses(place, nameIn(acme, name))).toBeDefined();
    await cloud.delete(PortSchema, port.id);
    expect(await directory.addresses(place, nameIn(acme, name))).toBeUndefined();
    expect(await directory.nameOf(place, port.ipAddress ?? "")).toBeUndefined();
    expect(await directory.guest(place, { address: port.ipAddress ?? "" })).toBeUndefined();
  });

  test("of a linked VPC is known while the link is active", async () => {
    const theirs = await world(rival, { cidr: "10.1.0.0/16" });
    const port = await aPort(theirs.subnet);
    const own = await cloud.create(VpcSchema, { ...acme, name: aName(), cidr: "10.7.0.0/16" });
    const place = placeOf(await aSubnet(own));
    const ask = ({ orgId, projectId, id: vpcId }: Vpc, peer: Vpc) => {
      const names = { peerOrgId: peer.orgId, peerProjectId: peer.projectId, peerVpcId: peer.id };
      return cloud.create(PeeringSchema, { orgId, projectId, name: aName(), vpcId, ...names });
    };
    const look = () => directory.addresses(place, nameIn(rival, port.name));
    await ask(own, theirs.vpc);
    expect(await look()).toBeUndefined();
    const accepted = await ask(theirs.vpc, own);
    expect(await look()).toEqual([port.ipAddress, port.ipv6Address]);
    expect(await directory.nameOf(place, port.ipAddress ?? "")).toEqual(nameIn(rival, port.name));
    expect(await directory.networks(place)).toEqual(["10.7.0.0/16", "10.1.0.0/16", "fd00:10::/48"]);
    expect(await directory.addresses((await world()).place, nameIn(rival, port.name))).toBeUndefined();
    await cloud.delete(PeeringSchema, accepted.id, rival);
    expect(await look()).toBeUndefined();
  });
});

test("an address has the name of the VM that is plugged in, else its port's", async () => {
  const { subnet, place } = await world();
  const port = await aPort(subnet);
  const { ipAddress = "", ipv6Address = "" } = port;
  expect(await directory.nameOf(place, ipAddress)).toEqual(nameIn(acme, port.name));
  expect(await directory.nameOf(place, ipv6Address)).toEqual(nameIn(acme, port.name));
  const vm = await aVm(acme, [port.id]);
  expect(await directory.nameOf(place, ipAddress)).toEqual(nameIn(acme, vm.name));
  expect(await directory.nameOf(place, "10.0.99.1")).toBeUndefined();
  expect(await directory.nameOf(place, "192.0.2.1")).toBeUndefined();
  expect(await directory.nameOf((await world()).place, ipAddress)).toBeUndefined();
});

describe("a guest", () => {
  test("is known by its subnet and address, or by its MAC, and by nobody else's", async () => {
    const [own, foreign] = [await world(), await world(rival)];
    const [port, theirs] = [await aPort(own.subnet), await aPort(foreign.subnet)];
    const { ipAddress: address = "", ipv6Address = "", macAddress } = port;
    expect(theirs.ipAddress).toBe(address);
    const idOf = async (place: Place, who: Parameters<Directory["guest"]>[1]) =>
      (await directory.guest(place, who))?.port.id;
    expect(await idOf(own.place, { address })).toBe(port.id);
    expect(await idOf(own.place, { address: ipv6Address })).toBe(port.id);
    expect(await idOf(own.place, { macAddress })).toBe(port.id);
    expect(await idOf(foreign.place, { address })).toBe(theirs.id);
    expect(await idOf(foreign.place, { macAddress })).toBeUndefined();
    expect(await idOf({ ...own.place, org: "rival" }, { address })).toBeUndefined();
    const sibling = placeOf(await aSubnet(own.vpc));
    expect(await idOf(sibling, { macAddress })).toBeUndefined();
    expect(await idOf(sibling, { address })).toBeUndefined();
    expect(await idOf(own.place, { address: "10.0.0.200" })).toBeUndefined();
    expect(await idOf(own.place, { address: "nonsense" })).toBeUndefined();
  });

  test("is told of its VM, its user data and all of its ports", async () => {
    const externalNetworkId = await makeExternalNetwork(cloud);
    const { vpc, subnet, place } = await world(acme, { externalNetworkId });
    const group = await cloud.create(SecurityGroupSchema, { ...acme, name: aName() });
    const first = await cloud.create(PortSchema, {
      ...acme,
      name: aName(),
      subnetId: subnet.id,
      securityGroupIds: [group.id],
    });
    const second = await aPort(await aSubnet(vpc));
    const other = await aPort(subnet);
    const elasticIp = await cloud.create(ElasticIpSchema, {
      ...acme,
      name: aName(),
      externalNetworkId,
      portId: first.id,
    });
    const vm = await aVm(acme, [first.id, second.id], aName(), "#cloud-config\n");
    const facts = await directory.guest(place, { address: first.ipAddress ?? "" });
    expect(facts).toMatchObject({
      org: "acme",
      project: "alpha",
      port: { id: first.id, publicAddress: elasticIp.address, securityGroups: [{ id: group.id, name: group.name }] },
      machine: { id: vm.id, name: vm.name, userData: "#cloud-config\n", ports: [{ id: first.id }, { id: second.id }] },
    });
    expect(facts?.port).toMatchObject({
      vpcId: vpc.id,
      vpcCidrs: ["10.0.0.0/16", "fd00:10::/48"],
      subnetCidrs: [subnet.cidr, subnet.ipv6Cidr],
    });
    const bare = await directory.guest(place, { address: other.ipAddress ?? "" });
    expect([bare?.port.id, bare?.machine]).toEqual([other.id, undefined]);
    await cloud.custom(PortSchema, "AttachDevice", { id: other.id, deviceId: vm.id });
    expect((await directory.guest(place, { address: other.ipAddress ?? "" }))?.machine).toBeUndefined();
  });
});
