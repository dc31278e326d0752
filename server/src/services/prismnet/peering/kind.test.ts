import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import { type Peering, PeeringSchema, PeeringState } from "@photoncloud/proto/gen/prismnet/v1/peering_pb";
import {
  Direction,
  SecurityGroupRuleSchema,
  SecurityGroupSchema,
} from "@photoncloud/proto/gen/prismnet/v1/security_group_pb";
import { type Vpc, VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import fc from "fast-check";
import { type SimulatedDrivers, simulatedDrivers } from "../../../backends/detect.ts";
import { sampleNetwork } from "../../../backends/network/contract.ts";
import { fiveLaws } from "../../../engine/testing/five-laws.ts";
import { formatIp, parseNetwork } from "../../../ip.ts";
import { acme, beta, faultOf, openSmallCloud, outcome, rival, type SmallCloud } from "../../testing/small-cloud.ts";
import { peeringReconciler } from "./kind.steps.ts";

let cloud: SmallCloud;
beforeAll(async () => {
  cloud = await openSmallCloud();
});
afterAll(() => cloud.stop());

type TenantIds = typeof acme;

let made = 0;
const aName = () => `n${++made}`;
/** A VPC with a /16 of 10.0.0.0/8 that no other has; what a test gives is from elsewhere. */
const aVpc = (tenant: TenantIds = acme, values: { cidr?: string; ipv6Cidr?: string } = {}) =>
  cloud.create(VpcSchema, { ...tenant, name: aName(), cidr: `10.${++made % 256}.0.0/16`, ...values });
const peerOf = ({ orgId: peerOrgId, projectId: peerProjectId, id: peerVpcId }: Vpc) => {
  return { peerOrgId, peerProjectId, peerVpcId };
};
/** Asks for a peering of one VPC with another, as the first one's project. */
const ask = ({ orgId, projectId, id: vpcId }: Vpc, peer: Vpc) =>
  cloud.create(PeeringSchema, { orgId, projectId, name: aName(), vpcId, ...peerOf(peer) });
const look = ({ id, orgId, projectId }: Peering) => cloud.get(PeeringSchema, id, { orgId, projectId });
const settled = ({ id, orgId, projectId }: Peering) => cloud.ready(PeeringSchema, id, { orgId, projectId });
const drop = ({ id, orgId, projectId }: Peering) => cloud.delete(PeeringSchema, id, { orgId, projectId });
const gone = ({ id, orgId, projectId }: Peering) => cloud.gone(PeeringSchema, id, { orgId, projectId });
const linkIn = ({ id }: Peering) => cloud.drivers.network.snapshot()[`peering/${id}`];
/** Waits until the network holds the peering's link, or does not. */
const linked = ({ id, orgId, projectId }: Peering, is: boolean) =>
  cloud.until(PeeringSchema, id, (peering) => (linkIn(peering) !== undefined) === is, { orgId, projectId });

const { ACTIVE, PENDING } = PeeringState;
const unlinked = { state: PENDING, peerCidrs: [], linkAddress: "" };

describe("a peering", () => {
  test.each([
    ["two orgs", rival],
    ["two projects", beta],
    ["one project", acme],
  ])("of %s waits for the other side, and both are linked when it is there", async (_, tenant) => {
    const [vpc, peer] = [await aVpc(), await aVpc(tenant, { ipv6Cidr: `fd00:${++made}::/48` })];
    const first = await ask(vpc, peer);
    expect(await settled(first)).toMatchObject(unlinked);
    expect(linkIn(first)).toBeUndefined();
    const second = await ask(peer, vpc);
    expect(second).toMatchObject({ state: ACTIVE, peerCidrs: [vpc.cidr] });
    expect(await look(first)).toMatchObject({ state: ACTIVE, peerCidrs: [peer.cidr, peer.ipv6Cidr] });
    await Promise.all([linked(first, true), linked(second, true)]);
    const [one, other] = [linkIn(first), linkIn(second)];
    expect(one).toMatchObject({ vpcId: vpc.id, peerVpcId: peer.id, peerCidrs: [peer.cidr, peer.ipv6Cidr] });
    expect(other).toMatchObject({ vpcId: peer.id, peerVpcId: vpc.id, peerCidrs: [vpc.cidr] });
    const ends = [one, other].map((link) => (link?.type === "peering" ? link : undefined));
    expect(ends[0]?.linkAddress).toBe(`${ends[1]?.peerLinkAddress}/30`);
    expect(ends[1]?.linkAddress).toBe(`${ends[0]?.peerLinkAddress}/30`);
  });

  test("names the own org and project where it names none", async () => {
    const [vpc, peer] = [await aVpc(), await aVpc()];
    const peering = await cloud.create(PeeringSchema, { name: aName(), vpcId: vpc.id, peerVpcId: peer.id });
    expect(peering).toMatchObject({ peerOrgId: "acme", peerProjectId: "alpha" });
  });

  test("is told nothing of the other VPC before the other side is there, not even whether it exists", async () => {
    const vpc = await aVpc();
    const foreign = await aVpc(rival);
    const bystander = await aVpc(rival);
    await ask(foreign, bystander);
    const answers = [];
    for (const peerVpcId of [foreign.id, `vpc-${"0".repeat(26)}`, "nowhere"]) {
      const asked = { name: "same", vpcId: vpc.id, peerOrgId: "rival", peerProjectId: "alpha", peerVpcId };
      const { id } = await cloud.create(PeeringSchema, asked);
      const { status, state, peerCidrs, linkAddress } = await cloud.ready(PeeringSchema, id);
      answers.push({ ready: status?.state, state, peerCidrs, linkAddress });
      await cloud.delete(PeeringSchema, id);
      await cloud.gone(PeeringSchema, id);
    }
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  });

  test("that names another project than the one that asks is not its other side", async () => {
    const [vpc, peer] = [await aVpc(), await aVpc(rival)];
    const first = await ask(vpc, peer);
    const wrong = { ...peerOf(vpc), peerProjectId: "beta" };
    const second = await cloud.create(PeeringSchema, { ...rival, name: aName(), vpcId: peer.id, ...wrong });
    expect([(await look(first)).state, second.state]).toEqual([PENDING, PENDING]);
  });

  test("tells the other side's log nothing of who made it", async () => {
    const [vpc, peer] = [await aVpc(), await aVpc(rival)];
    const first = await ask(vpc, peer);
    await ask(peer, vpc);
    const tenant = { org: "acme", project: "alpha" };
    const { events } = await cloud.store.events("", { tenant, kind: PeeringSchema.typeName, id: first.id, limit: 100 });
    const changed = events.filter(({ type }) => type === "updated");
    expect(changed.map(({ actor, sourceIp, requestId, method }) => [actor, sourceIp, requestId, method])).toEqual([
      ["engine", "", "", ""],
    ]);
  });
});

describe("a peering is refused", () => {
  test("with the own VPC", async () => {
    const vpc = await aVpc();
    expect(await outcome(ask(vpc, vpc))).toBe("INVALID_FIELDS peer_vpc_id:conflict");
  });

  test("a second time, also while the first is being made", async () => {
    const [vpc, peer] = [await aVpc(), await aVpc(rival)];
    const outcomes = await Promise.all([outcome(ask(vpc, peer)), outcome(ask(vpc, peer))]);
    expect(outcomes.sort()).toEqual(["ALREADY_EXISTS peer_vpc_id:unique", "ok"]);
    await ask(peer, vpc);
    expect(await outcome(ask(vpc, peer))).toBe("ALREADY_EXISTS peer_vpc_id:unique");
  });

  test("with a foreign VPC as the own, in the same words as with none", async () => {
    const foreign = await aVpc(rival);
    const by = (vpcId: string) => faultOf(cloud.create(PeeringSchema, { name: aName(), vpcId, peerVpcId: "vpc-x" }));
    const [a, b] = [await by(foreign.id), await by("vpc-nowhere")];
    expect(a.details.violations).toMatchObject([{ path: "vpc_id", rule: "unknown_reference" }]);
    expect(a.message.replace(foreign.id, "vpc-nowhere")).toBe(b.message);
  });

  test("at the second side where the VPCs overlap, in either family", async () => {
    const networks = { cidr: "172.20.0.0/16", ipv6Cidr: "fd77::/48" };
    for (const other of [{ cidr: "172.20.128.0/24" }, { cidr: "172.21.0.0/16", ipv6Cidr: "fd77:0:0:1::/64" }]) {
      const [vpc, peer] = [await aVpc(acme, networks), await aVpc(rival, other)];
      const first = await ask(vpc, peer);
      const fault = await faultOf(ask(peer, vpc));
      expect(fault.details.violations).toMatchObject([{ path: "peer_vpc_id", rule: "overlap" }]);
      expect(await look(first)).toMatchObject(unlinked);
    }
  });

  test("where the peer overlaps another peer of the own VPC, which is named", async () => {
    const [vpc, one, other] = [
      await aVpc(),
      await aVpc(beta, { cidr: "172.22.0.0/16" }),
      await aVpc(rival, { cidr: "172.22.4.0/24" }),
    ];
    const mine = await ask(vpc, one);
    await ask(one, vpc);
    await ask(other, vpc);
    const fault = await faultOf(ask(vpc, other));
    expect(fault.details.violations).toMatchObject([{ path: "peer_vpc_id", rule: "overlap" }]);
    expect(fault.message).toContain(mine.id);
    await drop(mine);
    await gone(mine);
    expect(await ask(vpc, other)).toMatchObject({ state: ACTIVE });
  });

  test("where the own VPC overlaps another peer of the peer, of which nothing is named", async () => {
    const [vpc, hub, spoke] = [
      await aVpc(acme, { cidr: "172.23.0.0/16" }),
      await aVpc(rival),
      await aVpc(beta, { cidr: "172.23.1.0/24" }),
    ];
    await ask(hub, spoke);
    const theirs = await ask(spoke, hub);
    await ask(hub, vpc);
    const fault = await faultOf(ask(vpc, hub));
    expect(fault.details.violations).toMatchObject([{ path: "peer_vpc_id", rule: "overlap" }]);
    for (const secret of [spoke.id, spoke.cidr, theirs.id, "beta"]) expect(fault.message).not.toContain(secret);
  });
});

describe("when one side goes", () => {
  test.each(["first", "second"] as const)(
    "the %s, the other is cut, waits again, and is linked to the next",
    async (which) => {
      const [vpc, peer] = [await aVpc(), await aVpc(rival)];
      const sides = { first: await ask(vpc, peer), second: await ask(peer, vpc) };
      const [leaves, stays] = which === "first" ? [sides.first, sides.second] : [sides.second, sides.first];
      await Promise.all([linked(leaves, true), linked(stays, true)]);
      await drop(leaves);
      expect(await look(stays)).toMatchObject(unlinked);
      await linked(stays, false);
      await gone(leaves);
      expect(linkIn(leaves)).toBeUndefined();
      const again = which === "first" ? await ask(vpc, peer) : await ask(peer, vpc);
      expect([again.state, (await look(stays)).state]).toEqual([ACTIVE, ACTIVE]);
    },
  );

  test("its VPC can go, while the other's can't as long as its own side is there", async () => {
    const [vpc, peer] = [await aVpc(), await aVpc(rival)];
    const [first, second] = [await ask(vpc, peer), await ask(peer, vpc)];
    expect(await outcome(cloud.delete(VpcSchema, vpc.id))).toBe("STILL_REFERENCED");
    await drop(first);
    await gone(first);
    await cloud.delete(VpcSchema, vpc.id);
    await cloud.gone(VpcSchema, vpc.id);
    expect(await outcome(cloud.delete(VpcSchema, peer.id, rival))).toBe("STILL_REFERENCED");
    expect(await look(second)).toMatchObject(unlinked);
  });
});

test("links of one VPC are different ones, and its peers' too", async () => {
  const hub = await aVpc();
  const spokes = await Promise.all([aVpc(rival), aVpc(beta), aVpc()]);
  const sides = [];
  for (const spoke of spokes) sides.push(await ask(hub, spoke), await ask(spoke, hub));
  const chord = [await ask(spokes[0], spokes[1]), await ask(spokes[1], spokes[0])];
  const shown = await Promise.all([...sides, ...chord].map(look));
  const links = (vpcId: string) =>
    shown.filter((one) => one.vpcId === vpcId).map(({ linkAddress }) => linkOf(linkAddress));
  for (const { id } of [hub, ...spokes]) expect(new Set(links(id)).size).toBe(links(id).length);
});

function linkOf(address: string): string {
  const network = parseNetwork(address);
  return network === undefined ? "" : formatIp({ family: network.family, value: network.first });
}

describe("both sides at the same time", () => {
  test("always end active, however often", async () => {
    for (let i = 0; i < 20; i++) {
      const [vpc, peer] = [await aVpc(), await aVpc(i % 2 === 0 ? rival : acme)];
      const sides = await Promise.all([ask(vpc, peer), ask(peer, vpc)]);
      expect((await Promise.all(sides.map(look))).map(({ state }) => state)).toEqual([ACTIVE, ACTIVE]);
      await Promise.all(sides.map((side) => linked(side, true)));
    }
  });

  test("made and deleted in any order converge: linked if both are there, and else nothing is", async () => {
    const orders = fc.array(fc.tuple(fc.boolean(), fc.boolean()), { minLength: 2, maxLength: 10 });
    const storm = async (order: readonly (readonly [boolean, boolean])[]) => {
      const [vpc, peer] = [await aVpc(), await aVpc(rival)];
      const made = new Map<boolean, Peering>();
      /** Each side's own calls follow each other; the two sides' don't wait for each other. */
      const side = async (isFirst: boolean) => {
        for (const [, isMaking] of order.filter(([first]) => first === isFirst)) {
          const known = made.get(isFirst);
          if (isMaking && known === undefined) made.set(isFirst, await (isFirst ? ask(vpc, peer) : ask(peer, vpc)));
          if (isMaking || known === undefined) continue;
          made.delete(isFirst);
          await drop(known);
          await gone(known);
        }
      };
      await Promise.all([side(true), side(false)]);
      const left = [...made.values()];
      const whole = left.length === 2;
      for (const one of left) expect((await look(one)).state).toBe(whole ? ACTIVE : PENDING);
      await Promise.all(left.map((one) => linked(one, whole)));
      const held = Object.values(cloud.drivers.network.snapshot()).filter((object) => object.type === "peering");
      expect(held.filter(({ vpcId }) => vpcId === vpc.id || vpcId === peer.id)).toHaveLength(whole ? 2 : 0);
    };
    await fc.assert(fc.asyncProperty(orders, storm), { numRuns: 25 });
  }, 60_000);
});

describe("a rule with a peer's group", () => {
  const aGroup = (tenant: TenantIds) => cloud.make(SecurityGroupSchema, { ...tenant, name: aName() });
  const allowing = (peeringId: string, securityGroupId: string) => {
    const remote = { case: "remotePeerGroup" as const, value: { peeringId, securityGroupId } };
    const rules = { peers: create(SecurityGroupRuleSchema, { direction: Direction.INGRESS, remote }) };
    return cloud.make(SecurityGroupSchema, { name: aName(), rules });
  };
  const remoteOf = (id: string) => {
    const held = cloud.drivers.network.snapshot()[`filter/${id}`];
    return held?.type === "filter" ? held.rules[0]?.remote : undefined;
  };
  const follows = (id: string, remote: unknown) =>
    cloud.until(SecurityGroupSchema, id, () => JSON.stringify(remoteOf(id)) === JSON.stringify(remote));

  test("allows it in the peer's VPC while the peering is active, and nobody else, ever", async () => {
    const [vpc, peer] = [await aVpc(), await aVpc(rival)];
    const theirs = await aGroup(rival);
    const first = await ask(vpc, peer);
    const { id } = await allowing(first.id, theirs.id);
    expect(remoteOf(id)).toEqual({ type: "nobody" });
    const second = await ask(peer, vpc);
    await follows(id, { type: "group", securityGroupId: theirs.id, over: { vpcId: vpc.id, peerVpcId: peer.id } });
    await drop(second);
    await follows(id, { type: "nobody" });
  });

  test("allows nobody by a group of another project than the peer's", async () => {
    const [vpc, peer] = [await aVpc(), await aVpc(rival)];
    const [first] = [await ask(vpc, peer), await ask(peer, vpc)];
    for (const tenant of [acme, beta]) {
      const { id } = await allowing(first.id, (await aGroup(tenant)).id);
      expect(remoteOf(id)).toEqual({ type: "nobody" });
    }
    const { id } = await allowing(first.id, "sg-nowhere");
    expect(remoteOf(id)).toEqual({ type: "nobody" });
  });

  test("keeps its peering, and only its own", async () => {
    const [vpc, peer] = [await aVpc(), await aVpc(rival)];
    const [first, second] = [await ask(vpc, peer), await ask(peer, vpc)];
    await allowing(first.id, (await aGroup(rival)).id);
    expect(await outcome(drop(first))).toBe("STILL_REFERENCED");
    expect(await outcome(drop(second))).toBe("ok");
    const foreign = { case: "remotePeerGroup" as const, value: { peeringId: second.id, securityGroupId: "sg-x" } };
    const rules = { peers: create(SecurityGroupRuleSchema, { direction: Direction.INGRESS, remote: foreign }) };
    const refused = 'INVALID_FIELDS rules["peers"].remote_peer_group.peering_id:unknown_reference';
    expect(await outcome(cloud.create(SecurityGroupSchema, { name: aName(), rules }))).toBe(refused);
  });
});

test("a plan of the second side links nothing", async () => {
  const [vpc, peer] = [await aVpc(), await aVpc()];
  const first = await ask(vpc, peer);
  await cloud.plan(PeeringSchema, "", { name: aName(), vpcId: peer.id, peerVpcId: vpc.id });
  expect(await look(first)).toMatchObject(unlinked);
  expect(catalog().byTypeName(PeeringSchema.typeName)?.noun).toBe("peering");
});

const { router } = sampleNetwork("1");
for (const [name, outputs] of [
  ["that waits", unlinked],
  ["that is active", { state: ACTIVE, peerCidrs: ["10.1.0.0/16"], linkAddress: "169.254.0.1/30" }],
] as const)
  fiveLaws<typeof PeeringSchema, SimulatedDrivers>({
    name: `Peering ${name}`,
    reconciler: peeringReconciler,
    makeResource: () => {
      const ends = { vpcId: router.id, peerOrgId: "rival", peerProjectId: "alpha", peerVpcId: "vpc-2" };
      return create(PeeringSchema, {
        ...acme,
        id: "peering-1",
        name: "to-rival",
        ...ends,
        ...outputs,
        peerCidrs: [...outputs.peerCidrs],
      });
    },
    drivers: () => ({ ...simulatedDrivers() }),
    prepare: ({ network }) => network.ensure(router, new AbortController().signal),
    snapshot: ({ network }) => network.snapshot(),
  });
