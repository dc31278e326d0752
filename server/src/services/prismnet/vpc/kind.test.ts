import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { type SimulatedDrivers, simulatedDrivers } from "../../../backends/detect.ts";
import { fiveLaws } from "../../../engine/testing/five-laws.ts";
import { acme, faultOf, openSmallCloud, outcome, rival, type SmallCloud } from "../../testing/small-cloud.ts";
import { vpcReconciler } from "./kind.steps.ts";

let cloud: SmallCloud;
beforeAll(async () => {
  cloud = await openSmallCloud();
});
afterAll(() => cloud.stop());

describe("a VPC's cidr", () => {
  test.each([
    ["10.0.0.0/8", "ok"],
    ["10.1.0.0/28", "ok"],
    ["10.0.0.0/29", "INVALID_FIELDS cidr:range"],
    ["8.0.0.0/7", "INVALID_FIELDS cidr:range"],
    ["10.0.0.1/16", "INVALID_FIELDS cidr:format"],
    ["10.0.0.0", "INVALID_FIELDS cidr:format"],
    ["ten", "INVALID_FIELDS cidr:format"],
    ["fd00::/64", "INVALID_FIELDS cidr:format"],
    ["", "INVALID_FIELDS cidr:required"],
    ["127.0.0.0/16", "INVALID_FIELDS cidr:range"],
    ["169.254.169.0/24", "INVALID_FIELDS cidr:range"],
    ["224.0.0.0/8", "INVALID_FIELDS cidr:range"],
  ])("%p is %s", async (cidr, expected) => {
    const name = `v${cidr.replace(/[^0-9a-z]/g, "-")}x`;
    expect(await outcome(cloud.create(VpcSchema, { name, cidr }))).toBe(expected);
  });

  test("with host bits is answered with the network that was meant", async () => {
    const fault = await faultOf(cloud.create(VpcSchema, { name: "host-bits", cidr: "10.1.2.3/16" }));
    expect(fault.message).toContain("10.1.0.0/16");
  });

  test("can't change", async () => {
    const vpc = await cloud.make(VpcSchema, { name: "fixed", cidr: "10.0.0.0/16" });
    const changed = cloud.update(VpcSchema, vpc.id, { cidr: "10.1.0.0/16" });
    expect(await outcome(changed)).toBe("INVALID_FIELDS cidr:immutable");
  });
});

test("a VPC becomes a router, says that it is simulated, and is gone after its deletion", async () => {
  const vpc = await cloud.make(VpcSchema, { name: "life", cidr: "10.0.0.0/16" });
  expect(vpc.status?.backend).toBe("simulated");
  const router = { type: "router", id: vpc.id } as const;
  expect(await cloud.drivers.network.inventory()).toContainEqual(router);
  await cloud.delete(VpcSchema, vpc.id);
  await cloud.gone(VpcSchema, vpc.id);
  expect(await cloud.drivers.network.inventory()).not.toContainEqual(router);
});

test("tenants may use the same CIDR, and a name is unique in its project alone", async () => {
  const values = { name: "same", cidr: "10.0.0.0/16" };
  await cloud.make(VpcSchema, values);
  await cloud.make(VpcSchema, { ...values, ...rival });
  expect(await outcome(cloud.create(VpcSchema, values))).toBe("ALREADY_EXISTS name:unique");
});

fiveLaws<typeof VpcSchema, SimulatedDrivers>({
  name: "Vpc",
  reconciler: vpcReconciler,
  makeResource: () => create(VpcSchema, { ...acme, id: "vpc-1", name: "main", cidr: "10.0.0.0/16" }),
  drivers: () => ({ ...simulatedDrivers() }),
  snapshot: ({ network }) => network.snapshot(),
});
