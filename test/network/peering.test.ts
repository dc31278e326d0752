// Peerings by packets: nothing passes before both sides are there, then what the groups of both let pass, and nothing once either is gone.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { type Peering, PeeringSchema } from "@photoncloud/proto/gen/prismnet/v1/peering_pb";
import { Direction } from "@photoncloud/proto/gen/prismnet/v1/security_group_pb";
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

  const ask = ({ tenant, vpc }: Net, { tenant: peer, vpc: peerVpc }: Net) => {
    const names = { peerOrgId: peer.orgId, peerProjectId: peer.projectId, peerVpcId: peerVpc.id };
    return field.cloud.make(PeeringSchema, { ...tenant, name: field.name(), vpcId: vpc.id, ...names });
  };
  const drop = async ({ orgId, projectId, id }: Peering) => {
    await field.cloud.delete(PeeringSchema, id, { orgId, projectId });
    await field.cloud.gone(PeeringSchema, id, { orgId, projectId });
  };
  const linksOf = (sides: readonly Peering[]) => sides.map(({ id }) => ({ type: "peering", id }) as const);
  /** Both sides, until the hosts know. */
  const peer = async (one: Net, other: Net) => {
    const sides = [await ask(one, other), await ask(other, one)] as const;
    await field.held(linksOf(sides), true);
    await field.programmed(one.vpc.id, other.vpc.id);
    return sides;
  };
  const part = async (sides: readonly Peering[]) => {
    await Promise.all(sides.map(drop));
    await field.programmed(ours.vpc.id, theirs.vpc.id);
  };
  const addresses = ({ port }: Seat) => [port.ipAddress ?? "", port.ipv6Address ?? ""];
  const pings = (from: Seat, to: Seat) => Promise.all(addresses(to).map((address) => from.guest.pings(address)));

  test("unpeered VPCs never talk, nor do they after one side has asked", async () => {
    expect(await pings(here, there)).toEqual([false, false]);
    const asked = await ask(ours, theirs);
    await field.programmed(ours.vpc.id, theirs.vpc.id);
    expect(await pings(here, there)).toEqual([false, false]);
    expect(await pings(there, here)).toEqual([false, false]);
    await drop(asked);
  }, 60_000);

  test("packets of both families pass both ways and between hosts, once both have asked", async () => {
    const sides = await peer(ours, theirs);
    expect(await pings(here, there)).toEqual([true, true]);
    expect(await pings(there, here)).toEqual([true, true]);
    for (const address of addresses(there)) expect(await here.guest.connects(address, 80)).toBe("there");
    for (const address of addresses(here)) expect(await there.guest.connects(address, 80)).toBe("here");
    await part(sides);
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
      await part([again, stays]);
    },
    90_000,
  );

  test("a peer's peer is not reached, whatever it is told of the way", async () => {
    const [first, second] = [await peer(ours, theirs), await peer(theirs, third)];
    expect(await pings(there, beyond)).toEqual([true, true]);
    expect(await pings(here, beyond)).toEqual([false, false]);
    expect(await pings(beyond, here)).toEqual([false, false]);
    await part([...first, ...second]);
  }, 60_000);

  test("a peer that sends from addresses that are not its own is not heard", async () => {
    const sides = await peer(ours, theirs);
    const liar = await field.seat(theirs, [open.theirs], 1, { forwarding: true });
    await liar.guest.run("ip", "addr", "add", "192.0.2.66/32", "dev", "eth0");
    await liar.guest.run("ip", "addr", "add", "10.43.0.66/32", "dev", "eth0");
    const heard = async (source: string) => {
      const before = await echoesAt(here);
      const target = here.port.ipAddress ?? "";
      await liar.guest.run("ping", "-n", "-c", "3", "-i", "0.2", "-W", "1", "-I", source, target);
      return (await echoesAt(here)) - before;
    };
    expect(await heard(liar.port.ipAddress ?? "")).toBe(3);
    expect(await heard("192.0.2.66")).toBe(0);
    expect(await heard("10.43.0.66")).toBe(0);
    await part(sides);
  }, 60_000);

  test("a rule with a peer's group lets its members in, and nobody else, and nobody when the peering is cut", async () => {
    const sides = await peer(ours, theirs);
    const [members, strangers] = [await field.open(rival), await field.open(rival)];
    const remote = { case: "remotePeerGroup" as const, value: { peeringId: sides[0].id, securityGroupId: members.id } };
    const rules: Rules = { peers: { direction: Direction.INGRESS, remote } };
    const guarded = await field.seat(ours, [await field.group(acme, rules)]);
    const [member, stranger] = [await field.seat(theirs, [members], 1), await field.seat(theirs, [strangers], 1)];
    expect(await pings(member, guarded)).toEqual([true, true]);
    expect(await pings(stranger, guarded)).toEqual([false, false]);
    expect(await pings(here, guarded)).toEqual([false, false]);
    await part([sides[1]]);
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
