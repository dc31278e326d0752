// Peerings by packets: nothing passes before both sides are there, then what the groups of both let pass, and nothing once either is gone.
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { type Peering, PeeringSchema } from "@photoncloud/proto/gen/prismnet/v1/peering_pb";
import { PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { Direction, SecurityGroupSchema } from "@photoncloud/proto/gen/prismnet/v1/security_group_pb";
import { acme, beta, rival } from "../../server/src/services/testing/small-cloud.ts";
import { type CloudField, type Net, type Rules, type Seat, startCloudField } from "./cloud-field.ts";
import { describeOnOvn, eventually } from "./field.ts";

describeOnOvn("peerings", () => {
  let field: CloudField;
  let ours: Net;
  let theirs: Net;
  let third: Net;
  const open = { ours: { id: "" }, theirs: { id: "" }, third: { id: "" } };
  let here: Seat;
  let there: Seat;
  let beyond: Seat;

  beforeAll(async () => {
    field = await startCloudField();
    [ours, theirs, third] = [await field.net(acme, 41), await field.net(rival, 42), await field.net(beta, 43)];
    open.ours = await field.open(acme);
    open.theirs = await field.open(rival);
    open.third = await field.open(beta);
    here = await field.seat(ours, [open.ours]);
    there = await field.seat(theirs, [open.theirs], 1);
    beyond = await field.seat(third, [open.third]);
    await there.guest.serveTcp(80, "there");
    await here.guest.serveTcp(80, "here");
  }, 90_000);
  afterAll(() => field?.stop(), 30_000);

  const made = new Set<Peering>();
  /** A group whose rules name a peering. */
  let guarding = "";
  const ask = async ({ tenant, vpc }: Net, { tenant: peer, vpc: peerVpc }: Net) => {
    const names = { peerOrgId: peer.orgId, peerProjectId: peer.projectId, peerVpcId: peerVpc.id };
    const asked = { ...tenant, name: field.name(), vpcId: vpc.id, ...names };
    const peering = await field.cloud.make(PeeringSchema, asked);
    made.add(peering);
    return peering;
  };
  const drop = async (peering: Peering) => {
    made.delete(peering);
    const { orgId, projectId, id } = peering;
    await field.cloud.delete(PeeringSchema, id, { orgId, projectId });
    await field.cloud.gone(PeeringSchema, id, { orgId, projectId });
  };
  afterEach(async () => {
    const left = [...made];
    if (guarding !== "") await field.cloud.update(SecurityGroupSchema, guarding, { rules: {} }, ["rules"]);
    guarding = "";
    await Promise.all(left.map(drop));
    await field.held(linksOf(left), false);
    await field.programmed(ours.vpc.id, theirs.vpc.id);
  });
  const linksOf = (sides: readonly Peering[]) => sides.map(({ id }) => ({ type: "peering", id }) as const);
  /** Both sides, until the hosts know. */
  const peer = async (one: Net, other: Net) => {
    const sides = [await ask(one, other), await ask(other, one)] as const;
    await field.held(linksOf(sides), true);
    await field.programmed(one.vpc.id, other.vpc.id);
    return sides;
  };
  const addresses = ({ port }: Seat) => [port.ipAddress ?? "", port.ipv6Address ?? ""];
  const pings = (from: Seat, to: Seat) => Promise.all(addresses(to).map((address) => from.guest.pings(address)));

  test("unpeered VPCs never talk, nor do they after one side has asked", async () => {
    expect(await pings(here, there)).toEqual([false, false]);
    await ask(ours, theirs);
    await field.programmed(ours.vpc.id, theirs.vpc.id);
    expect(await pings(here, there)).toEqual([false, false]);
    expect(await pings(there, here)).toEqual([false, false]);
  }, 60_000);

  test("packets of both families pass both ways and between hosts, once both have asked", async () => {
    await peer(ours, theirs);
    expect(await pings(here, there)).toEqual([true, true]);
    expect(await pings(there, here)).toEqual([true, true]);
    for (const address of addresses(there)) expect(await here.guest.connects(address, 80)).toBe("there");
    for (const address of addresses(here)) expect(await there.guest.connects(address, 80)).toBe("here");
  }, 60_000);

  test.each([
    ["the first side", 0],
    ["the second side", 1],
  ])(
    "when %s goes, nothing passes any more, and everything when it is back",
    async (_, which) => {
      const sides = await peer(ours, theirs);
      expect(await pings(here, there)).toEqual([true, true]);
      const [leaves, stays] = which === 0 ? sides : [sides[1], sides[0]];
      await drop(leaves);
      await field.held(linksOf(sides), false);
      await field.programmed(ours.vpc.id, theirs.vpc.id);
      expect(await pings(here, there)).toEqual([false, false]);
      expect(await pings(there, here)).toEqual([false, false]);
      const again = which === 0 ? await ask(ours, theirs) : await ask(theirs, ours);
      await field.held(linksOf([again, stays]), true);
      await field.programmed(ours.vpc.id, theirs.vpc.id);
      expect(await pings(here, there)).toEqual([true, true]);
    },
    90_000,
  );

  test("a peer's peer is not reached, whatever it is told of the way", async () => {
    await peer(ours, theirs);
    await peer(theirs, third);
    expect(await pings(there, beyond)).toEqual([true, true]);
    expect(await pings(here, beyond)).toEqual([false, false]);
    expect(await pings(beyond, here)).toEqual([false, false]);
  }, 60_000);

  test("a peer that sends from addresses that are not its own is not heard", async () => {
    await peer(ours, theirs);
    const liar = await field.seat(theirs, [open.theirs], 1, { forwarding: true });
    await liar.guest.run("ip", "addr", "add", "192.0.2.66/32", "dev", "eth0");
    await liar.guest.run("ip", "addr", "add", "10.43.0.66/32", "dev", "eth0");
    const heard = async (source: string) => {
      const before = await echoesAt(here);
      const target = here.port.ipAddress ?? "";
      await liar.guest.run("ping", "-n", "-c", "3", "-i", "0.2", "-W", "1", "-I", source, target);
      return (await echoesAt(here)) - before;
    };
    // The first may be lost while the routers learn where the address is.
    expect(await heard(liar.port.ipAddress ?? "")).toBeGreaterThan(0);
    expect(await heard("192.0.2.66")).toBe(0);
    expect(await heard("10.43.0.66")).toBe(0);
  }, 60_000);

  test("a rule with a peer's group lets its members in, and nobody else, and nobody when the peering is cut", async () => {
    const sides = await peer(ours, theirs);
    const [members, strangers] = [await field.open(rival), await field.open(rival)];
    const remote = { case: "remotePeerGroup" as const, value: { peeringId: sides[0].id, securityGroupId: members.id } };
    const rules: Rules = { peers: { direction: Direction.INGRESS, remote } };
    const group = await field.group(acme, rules);
    guarding = group.id;
    const guarded = await field.seat(ours, [group]);
    const [member, stranger] = [await field.seat(theirs, [members], 1), await field.seat(theirs, [strangers], 1)];
    expect(await pings(member, guarded)).toEqual([true, true]);
    expect(await pings(stranger, guarded)).toEqual([false, false]);
    // A member that its owner puts somewhere else, at the address of somebody else, lets nobody in.
    const elsewhere = await field.net(rival, 41);
    const { ipAddress = "", ipv6Address = "" } = here.port;
    const decoy = { subnetId: elsewhere.subnet.id, securityGroupIds: [members.id], ipAddress, ipv6Address };
    await field.cloud.make(PortSchema, { ...rival, name: field.name(), ...decoy });
    await field.programmed(ours.vpc.id, elsewhere.vpc.id);
    expect(await pings(here, guarded)).toEqual([false, false]);
    await drop(sides[1]);
    await field.held(linksOf(sides), false);
    await field.programmed(ours.vpc.id, theirs.vpc.id);
    expect(await pings(member, guarded)).toEqual([false, false]);
  }, 90_000);

  test("a rule that names a group means its ports on both sides of a peering of one project, and of nothing else", async () => {
    const [near, far, twin] = [await field.net(acme, 44), await field.net(acme, 45), await field.net(acme, 45)];
    const members = await field.open(acme);
    const remote = { case: "remoteGroupId" as const, value: members.id };
    const group = await field.group(acme, { members: { direction: Direction.INGRESS, remote } });
    const [guarded, member] = [await field.seat(near, [group]), await field.seat(far, [members], 1)];
    const stranger = await field.seat(far, [open.ours], 1);
    // In a VPC that is not peered, at the stranger's address.
    const { ipAddress = "", ipv6Address = "" } = stranger.port;
    const decoy = { subnetId: twin.subnet.id, securityGroupIds: [members.id], ipAddress, ipv6Address };
    await field.cloud.make(PortSchema, { ...acme, name: field.name(), ...decoy });
    const sides = await peer(near, far);
    expect(await pings(member, guarded)).toEqual([true, true]);
    expect(await pings(stranger, guarded)).toEqual([false, false]);
    await drop(sides[0]);
    await field.held(linksOf(sides), false);
    await field.programmed(near.vpc.id, far.vpc.id);
    expect(await pings(member, guarded)).toEqual([false, false]);
  }, 90_000);

  test("a guest is told the name of its machine with its next lease", async () => {
    const { port, guest } = await field.seat(ours, [open.ours], 1);
    expect(await guest.dhcp()).toMatchObject({ ip: port.ipAddress, hostname: port.name });
    const spec = { network: [{ id: "eth0", portId: port.id }] };
    const vm = await field.cloud.create(VmSchema, { ...acme, name: "web-server-1", spec });
    const told = async () => (await guest.dhcp()).hostname;
    expect(await eventually(told, (name) => name === "web-server-1")).toBe("web-server-1");
    await field.cloud.delete(VmSchema, vm.id);
    expect(await eventually(told, (name) => name === port.name)).toBe(port.name);
  }, 60_000);
});

/** How many echo requests a guest's kernel has taken so far. */
async function echoesAt({ guest }: Seat): Promise<number> {
  const { stdout } = await guest.run("cat", "/proc/net/snmp");
  const [names = [], values = []] = stdout
    .split("\n")
    .filter((line) => line.startsWith("Icmp:"))
    .map((line) => line.split(" "));
  return Number(values[names.indexOf("InEchos")]);
}
