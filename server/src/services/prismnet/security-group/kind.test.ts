import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  Direction,
  Protocol,
  SecurityGroupRuleSchema,
  SecurityGroupSchema,
} from "@photoncloud/proto/gen/prismnet/v1/security_group_pb";
import { type SimulatedDrivers, simulatedDrivers } from "../../../backends/detect.ts";
import { fiveLaws } from "../../../engine/testing/five-laws.ts";
import { acme, beta, faultOf, openSmallCloud, outcome, type SmallCloud } from "../../testing/small-cloud.ts";
import { securityGroupReconciler } from "./kind.steps.ts";

let cloud: SmallCloud;
beforeAll(async () => {
  cloud = await openSmallCloud();
});
afterAll(() => cloud.stop());

type Rule = MessageInitShape<typeof SecurityGroupRuleSchema>;

let made = 0;
const aGroup = (rules: Record<string, Rule> = {}, tenant = acme) => {
  const messages = Object.entries(rules).map(([name, rule]) => [name, create(SecurityGroupRuleSchema, rule)] as const);
  return cloud.create(SecurityGroupSchema, { ...tenant, name: `n${++made}`, rules: Object.fromEntries(messages) });
};
const web: Rule = { direction: Direction.INGRESS, protocol: Protocol.TCP, portRange: { first: 80 } };

describe("a rule", () => {
  const cases: [string, Rule, string][] = [
    ["web", web, "ok"],
    ["web", { ...web, portRange: { first: 80, last: 81 } }, "ok"],
    ["any", { direction: Direction.EGRESS }, "ok"],
    ["cidr", { ...web, remote: { case: "remoteCidr", value: "10.0.0.0/8" } }, "ok"],
    ["x", { protocol: Protocol.TCP }, 'INVALID_FIELDS rules["x"].direction:required'],
    ["x", { ...web, portRange: { first: 81, last: 80 } }, 'INVALID_FIELDS rules["x"].port_range.last:range'],
    ["x", { ...web, portRange: { first: 0 } }, 'INVALID_FIELDS rules["x"].port_range.first:required'],
    ["x", { ...web, portRange: { first: 65_536 } }, 'INVALID_FIELDS rules["x"].port_range.first:range'],
    ["x", { ...web, protocol: Protocol.ICMP }, 'INVALID_FIELDS rules["x"].port_range:conflict'],
    ["x", { direction: Direction.INGRESS, portRange: { first: 80 } }, 'INVALID_FIELDS rules["x"].port_range:conflict'],
    ["cidr6", { ...web, remote: { case: "remoteCidr", value: "fd00:10::/48" } }, "ok"],
    ["anyone6", { ...web, remote: { case: "remoteCidr", value: "::/0" } }, "ok"],
    [
      "x",
      { ...web, remote: { case: "remoteCidr", value: "fd00:10::1/48" } },
      'INVALID_FIELDS rules["x"].remote_cidr:format',
    ],
    [
      "x",
      { ...web, remote: { case: "remoteCidr", value: "FD00::/48" } },
      'INVALID_FIELDS rules["x"].remote_cidr:format',
    ],
    [
      "x",
      { ...web, remote: { case: "remoteCidr", value: "10.0.0.1/8" } },
      'INVALID_FIELDS rules["x"].remote_cidr:format',
    ],
    [
      "x",
      { ...web, remote: { case: "remoteGroupId", value: "sg-no" } },
      'INVALID_FIELDS rules["x"].remote_group_id:unknown_reference',
    ],
    ["No Name", web, 'INVALID_FIELDS rules["No Name"]:key'],
  ];
  test.each(cases)("%p %j is %s", async (name, rule, expected) => {
    expect(await outcome(aGroup({ [name]: rule }))).toContain(expected);
  });

  test("may name a group of the same project alone", async () => {
    const [mine, other] = [await aGroup(), await aGroup({}, beta)];
    const from = (value: string): Rule => ({ ...web, remote: { case: "remoteGroupId", value } });
    expect(await outcome(aGroup({ in: from(mine.id) }))).toBe("ok");
    const refused = 'INVALID_FIELDS rules["in"].remote_group_id:unknown_reference';
    expect(await outcome(aGroup({ in: from(other.id) }))).toBe(refused);
  });
});

describe("AddRule and RemoveRule", () => {
  const add = (id: string, name: string, rule: Rule | undefined = web) =>
    cloud.custom(SecurityGroupSchema, "AddRule", { id, name, rule: rule && create(SecurityGroupRuleSchema, rule) });
  const remove = (id: string, name: string) => cloud.custom(SecurityGroupSchema, "RemoveRule", { id, name });

  test("change one rule each and reach the network", async () => {
    const { id } = await aGroup();
    expect(Object.keys((await add(id, "web")).rules)).toEqual(["web"]);
    await cloud.ready(SecurityGroupSchema, id);
    const held = () => cloud.drivers.network.snapshot()[`filter/${id}`];
    const rule = { name: "web", direction: "ingress", protocol: "tcp", ports: { first: 80, last: 80 } };
    expect(held()).toMatchObject({ rules: [{ ...rule, remote: { type: "any" } }] });
    expect(Object.keys((await remove(id, "web")).rules)).toEqual([]);
    await cloud.ready(SecurityGroupSchema, id);
    expect(held()).toMatchObject({ rules: [] });
  });

  test("refuse a taken name, a missing rule and a wrong one", async () => {
    const { id } = await aGroup({ web });
    expect(await outcome(add(id, "web"))).toBe("ALREADY_EXISTS name:unique");
    expect(await outcome(add(id, "No"))).toBe('INVALID_FIELDS rules["No"]:key');
    expect(await outcome(add(id, "y", { ...web, protocol: Protocol.ICMP }))).toBe(
      'INVALID_FIELDS rules["y"].port_range:conflict',
    );
    expect(await outcome(cloud.custom(SecurityGroupSchema, "AddRule", { id, name: "z" }))).toBe(
      "INVALID_FIELDS rule:required",
    );
    expect(await outcome(remove(id, "none"))).toBe("NOT_FOUND");
  });
});

test("groups that name themselves and each other become ready, and go once the rules are gone", async () => {
  const [one, other] = [await aGroup(), await aGroup()];
  const names = (id: string, groupId: string) => {
    const rule = create(SecurityGroupRuleSchema, { ...web, remote: { case: "remoteGroupId", value: groupId } });
    return cloud.custom(SecurityGroupSchema, "AddRule", { id, name: `from-${groupId.slice(-4)}`, rule });
  };
  await Promise.all([names(one.id, other.id), names(other.id, one.id)]);
  await names(one.id, one.id);
  await cloud.ready(SecurityGroupSchema, one.id);
  await cloud.ready(SecurityGroupSchema, other.id);
  expect((await faultOf(cloud.delete(SecurityGroupSchema, one.id))).reason).toBe("STILL_REFERENCED");
  await cloud.update(SecurityGroupSchema, other.id, { rules: {} }, ["rules"]);
  await cloud.delete(SecurityGroupSchema, one.id);
  await cloud.gone(SecurityGroupSchema, one.id);
});

fiveLaws<typeof SecurityGroupSchema, SimulatedDrivers>({
  name: "SecurityGroup",
  reconciler: securityGroupReconciler,
  makeResource: () => {
    const rules = { web: create(SecurityGroupRuleSchema, web) };
    return create(SecurityGroupSchema, { ...acme, id: "sg-1", name: "web", rules });
  },
  drivers: () => ({ ...simulatedDrivers() }),
  snapshot: ({ network }) => network.snapshot(),
});
