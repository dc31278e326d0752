import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { AddressGroupSchema } from "@photoncloud/proto/gen/prismnet/v1/address_group_pb";
import { Direction, SecurityGroupSchema } from "@photoncloud/proto/gen/prismnet/v1/security_group_pb";
import { type SimulatedDrivers, simulatedDrivers } from "../../../backends/detect.ts";
import { fiveLaws } from "../../../engine/testing/five-laws.ts";
import { acme, beta, openSmallCloud, outcome, type SmallCloud } from "../../testing/small-cloud.ts";
import { addressGroupReconciler } from "./kind.steps.ts";

let cloud: SmallCloud;
beforeAll(async () => {
  cloud = await openSmallCloud();
});
afterAll(() => cloud.stop());

let made = 0;
const aGroup = (cidrs: string[], tenant = acme) =>
  cloud.create(AddressGroupSchema, { ...tenant, name: `addresses-${++made}`, cidrs });
const aRuleFor = (id: string) =>
  cloud.create(SecurityGroupSchema, {
    ...acme,
    name: `group-${++made}`,
    rules: { in: { direction: Direction.INGRESS, remote: { case: "remoteAddressGroupId", value: id } } },
  });

describe("an address group", () => {
  test("holds networks of both families without host bits, each in its one form", async () => {
    expect(await outcome(aGroup(["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "fd00:10::7/128"]))).toBe("ok");
    expect(await outcome(aGroup(["10.0.0.1/8"]))).toBe("INVALID_FIELDS cidrs[0]:format");
    expect(await outcome(aGroup(["2001:db8::1/32"]))).toBe("INVALID_FIELDS cidrs[0]:format");
    expect(await outcome(aGroup(["2001:0db8::/32"]))).toBe("INVALID_FIELDS cidrs[0]:format");
  });

  test("is named by rules of its own project alone", async () => {
    const [own, foreign] = [await aGroup([]), await aGroup([], beta)];
    expect(await outcome(aRuleFor(own.id))).toBe("ok");
    expect(await outcome(aRuleFor(foreign.id))).toBe(
      'INVALID_FIELDS rules["in"].remote_address_group_id:unknown_reference',
    );
  });

  test("can't go while a rule names it", async () => {
    const group = await aGroup([]);
    await aRuleFor(group.id);
    expect(await outcome(cloud.delete(AddressGroupSchema, group.id))).toMatch(/^STILL_REFERENCED/);
  });
});

fiveLaws<typeof AddressGroupSchema, SimulatedDrivers>({
  name: "AddressGroup",
  reconciler: addressGroupReconciler,
  makeResource: () =>
    create(AddressGroupSchema, { ...acme, id: "ag-1", name: "offices", cidrs: ["192.0.2.0/24", "2001:db8::/32"] }),
  drivers: () => ({ ...simulatedDrivers() }),
  snapshot: ({ network }) => network.snapshot(),
});
