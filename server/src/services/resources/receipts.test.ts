// How far a mutation has come: what callers are told, and for whose hosts it is waited.
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { AddressGroupSchema } from "@photoncloud/proto/gen/prismnet/v1/address_group_pb";
import { PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { Direction, SecurityGroupSchema } from "@photoncloud/proto/gen/prismnet/v1/security_group_pb";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { simulatedDrivers } from "../../backends/detect.ts";
import { DriverError } from "../../backends/driver-error.ts";
import type { Receipt } from "../receipt.ts";
import { acme, kindOf, openSmallCloud, type SmallCloud } from "../testing/small-cloud.ts";

let cloud: SmallCloud;
/** The VPCs whose hosts were waited for. */
let asked: string[];
let program: (signal: AbortSignal) => Promise<void>;
beforeEach(async () => {
  asked = [];
  program = async () => {};
  const drivers = simulatedDrivers();
  drivers.network.programmed = (vpcId, signal) => {
    asked.push(vpcId);
    return program(signal);
  };
  cloud = await openSmallCloud({ drivers });
});
afterEach(() => cloud.stop());

const programmed = { wait: "programmed", waitMs: 20_000 } as const;

function told() {
  const receipts: Receipt[] = [];
  return { receipts, reached: (receipt: Receipt) => void receipts.push(receipt) };
}

async function twoVpcs() {
  const group = await cloud.make(SecurityGroupSchema, { name: "web" });
  const ports = [];
  for (const name of ["one", "two"]) {
    const vpc = await cloud.make(VpcSchema, { name, cidr: "10.0.0.0/16" });
    const subnet = await cloud.make(SubnetSchema, { name, vpcId: vpc.id, cidr: "10.0.1.0/24" });
    const port = await cloud.make(PortSchema, { name, subnetId: subnet.id, securityGroupIds: [group.id] });
    ports.push({ vpcId: vpc.id, subnetId: subnet.id, portId: port.id });
  }
  return { group, ports };
}

describe("a mutation", () => {
  test.each([
    [{}, ["accepted"]],
    [{ wait: "accepted" }, ["accepted"]],
    [{ waitMs: 20_000 }, ["accepted", "settled"]],
    [programmed, ["accepted", "settled", "programmed"]],
  ] as const)("that asks for %p is told %p", async (terms, expected) => {
    const { receipts, reached } = told();
    await cloud.call(
      kindOf(VpcSchema),
      "create",
      { ...acme, name: "main", cidr: "10.0.0.0/16" },
      { ...terms, reached },
    );
    expect(receipts).toEqual(expected);
  });

  test("of a port waits for the hosts of its VPC, also when it is deleted", async () => {
    const { ports } = await twoVpcs();
    const [one, two] = ports;
    const make = { ...acme, name: "more", subnetId: one?.subnetId };
    await cloud.call(kindOf(PortSchema), "create", make, programmed);
    expect(asked).toEqual([one?.vpcId]);
    const { receipts, reached } = told();
    await cloud.call(kindOf(PortSchema), "delete", { ...acme, id: two?.portId }, { ...programmed, reached });
    expect(asked).toEqual([one?.vpcId, two?.vpcId]);
    expect(receipts.at(-1)).toBe("programmed");
  });

  test("of a security group waits for every VPC with a port in it, or in a group that names it", async () => {
    const { group, ports } = await twoVpcs();
    const labels = { id: group.id, securityGroup: { labels: { tier: "web" } }, updateMask: { paths: ["labels"] } };
    await cloud.call(kindOf(SecurityGroupSchema), "update", { ...acme, ...labels }, programmed);
    expect(asked.toSorted()).toEqual(ports.map(({ vpcId }) => vpcId).toSorted());
  });

  test("of an address group waits for the VPCs of those whose rules name it; of one that nobody names for none", async () => {
    const { group, ports } = await twoVpcs();
    const call = (input: object) => cloud.call(kindOf(AddressGroupSchema), "create", { ...acme, ...input }, programmed);
    await call({ name: "idle", cidrs: ["192.0.2.0/24"] });
    expect(asked).toEqual([]);
    const office = await cloud.make(AddressGroupSchema, { name: "office", cidrs: ["192.0.2.0/24"] });
    const remote = { case: "remoteAddressGroupId" as const, value: office.id };
    const rules = { ssh: { direction: Direction.INGRESS, remote } };
    await cloud.update(SecurityGroupSchema, group.id, { rules }, ["rules"]);
    const change = { id: office.id, addressGroup: { cidrs: ["198.51.100.0/24"] }, updateMask: { paths: ["cidrs"] } };
    await cloud.call(kindOf(AddressGroupSchema), "update", { ...acme, ...change }, programmed);
    expect(asked.toSorted()).toEqual(ports.map(({ vpcId }) => vpcId).toSorted());
  });

  test.each([
    [
      "do not come up to it in time",
      (signal: AbortSignal) =>
        new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true })),
    ],
    ["can't be asked", () => Promise.reject(new DriverError("unavailable", "no connection"))],
  ])("whose hosts %s is settled and no more", async (_, behave) => {
    program = behave;
    const { receipts, reached } = told();
    const input = { ...acme, name: "main", cidr: "10.0.0.0/16" };
    await cloud.call(kindOf(VpcSchema), "create", input, { wait: "programmed", waitMs: 300, reached });
    expect(receipts).toEqual(["accepted", "settled"]);
  });
});
