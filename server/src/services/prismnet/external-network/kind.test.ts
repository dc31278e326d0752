import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import { ExternalNetworkSchema } from "@photoncloud/proto/gen/prismnet/v1/external_network_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { type SimulatedDrivers, simulatedDrivers } from "../../../backends/detect.ts";
import { fiveLaws } from "../../../engine/testing/five-laws.ts";
import { acme, beta, faultOf, openSmallCloud, outcome, rival, type SmallCloud } from "../../testing/small-cloud.ts";
import { externalNetworkReconciler } from "./kind.steps.ts";
import { seedExternalNetwork } from "./seed.ts";

let cloud: SmallCloud;
beforeAll(async () => {
  cloud = await openSmallCloud();
});
afterAll(() => cloud.stop());

const system = { orgId: "", projectId: "" };
let made = 0;

/** Each on a wire of its own, unless the values say otherwise. */
const aNetwork = (values: MessageInitShape<typeof ExternalNetworkSchema> = {}) =>
  cloud.create(ExternalNetworkSchema, {
    ...system,
    id: `net-${++made}`,
    cidr: "203.0.113.0/24",
    physicalNetwork: `wire-${made}`,
    ...values,
  });

describe("an external network", () => {
  test("gets its defaults, and is there in the backend", async () => {
    const { id } = await cloud.create(ExternalNetworkSchema, { ...system, id: "plain", cidr: "198.51.100.0/24" });
    const { name, gateway, poolCidr, physicalNetwork, vlanId, status } = await cloud.ready(
      ExternalNetworkSchema,
      id,
      system,
    );
    expect({ name, gateway, poolCidr, physicalNetwork, vlanId }).toEqual({
      name: "plain",
      gateway: "198.51.100.1",
      poolCidr: "198.51.100.0/24",
      physicalNetwork: "external",
      vlanId: undefined,
    });
    expect(status?.backend).toBe("simulated");
    expect(await cloud.drivers.network.inventory()).toContainEqual({ type: "external-network", id });
  });

  test.each([
    [{ cidr: "203.0.113.1/24" }, "INVALID_FIELDS cidr:format"],
    [{ cidr: "203.0.113.0/31" }, "INVALID_FIELDS cidr:range"],
    [{ cidr: "128.0.0.0/1" }, "INVALID_FIELDS cidr:range"],
    [{ gateway: "203.0.113.254" }, "ok"],
    [{ gateway: "203.0.114.1" }, "INVALID_FIELDS gateway:range"],
    [{ gateway: "203.0.113.255" }, "INVALID_FIELDS gateway:range"],
    [{ poolCidr: "203.0.113.128/25" }, "ok"],
    [{ poolCidr: "203.0.112.0/23" }, "INVALID_FIELDS pool_cidr:range"],
    [{ poolCidr: "203.0.113.1/32" }, "INVALID_FIELDS pool_cidr:range"],
    [{ vlanId: 0 }, "INVALID_FIELDS vlan_id:range"],
    [{ ipv6Cidr: "2001:db8:113::/64" }, "ok"],
    [{ ipv6Cidr: "2001:db8:113::/121" }, "INVALID_FIELDS ipv6_cidr:range"],
    [{ ipv6Cidr: "198.51.100.0/24" }, "INVALID_FIELDS ipv6_cidr:format"],
    [{ ipv6Gateway: "2001:db8:113::1" }, "INVALID_FIELDS ipv6_gateway:conflict"],
    [{ ipv6Cidr: "2001:db8:113::/64", ipv6Gateway: "2001:db8:114::1" }, "INVALID_FIELDS ipv6_gateway:range"],
    [{ ipv6Cidr: "2001:db8:113::/64", ipv6PoolCidr: "2001:db8:113::1:0/112" }, "ok"],
    [{ ipv6Cidr: "2001:db8:113::/64", ipv6PoolCidr: "2001:db8::/48" }, "INVALID_FIELDS ipv6_pool_cidr:range"],
    [{ ipv6Cidr: "2001:db8:113::/64", ipv6PoolCidr: "2001:db8:113::1/128" }, "INVALID_FIELDS ipv6_pool_cidr:range"],
    [{ vlanId: 100 }, "ok"],
  ])("with %p is %s", async (values, expected) => {
    expect(await outcome(aNetwork(values))).toBe(expected);
  });

  test("overlaps no other on its wire: the error names it; another wire or VLAN is another matter", async () => {
    const { id, physicalNetwork = "" } = await aNetwork({ vlanId: 7 });
    const inside = { cidr: "203.0.113.64/26", physicalNetwork };
    const fault = await faultOf(aNetwork({ ...inside, vlanId: 7 }));
    expect(fault.details.violations).toMatchObject([{ path: "cidr", rule: "overlap" }]);
    expect(fault.message).toContain(id);
    expect(await outcome(aNetwork({ ...inside, vlanId: 8 }))).toBe("ok");
    expect(await outcome(aNetwork(inside))).toBe("ok");
    const both = await Promise.all([1, 2, 3].map(() => outcome(aNetwork({ physicalNetwork: "new-wire" }))));
    expect(both.sort()).toEqual(["INVALID_FIELDS cidr:overlap", "INVALID_FIELDS cidr:overlap", "ok"]);
  });

  test("is made by the operator alone, for everybody", async () => {
    expect(await outcome(aNetwork(acme))).toBe("INVALID_FIELDS project_id:conflict");
    expect(await outcome(aNetwork({ orgId: "acme" }))).toBe("INVALID_FIELDS org_id:conflict");
    const { id } = await aNetwork();
    for (const tenant of [acme, beta, rival]) expect((await cloud.get(ExternalNetworkSchema, id, tenant)).id).toBe(id);
  });

  test("can't go while a VPC is joined to it, and strangers are not named", async () => {
    const { id } = await aNetwork();
    const vpc = await cloud.make(VpcSchema, { name: "joined", cidr: "10.0.0.0/16", externalNetworkId: id });
    const fault = await faultOf(cloud.delete(ExternalNetworkSchema, id, system));
    expect(fault.reason).toBe("STILL_REFERENCED");
    expect(fault.message).not.toContain(vpc.id);
    await cloud.delete(VpcSchema, vpc.id);
    await cloud.gone(VpcSchema, vpc.id);
    expect(await outcome(cloud.delete(ExternalNetworkSchema, id, system))).toBe("ok");
  });
});

test("seedExternalNetwork() makes it once", async () => {
  const seed = { physicalNetwork: "seeded" };
  await seedExternalNetwork(cloud.resources, catalog(), seed);
  await seedExternalNetwork(cloud.resources, catalog(), seed);
  const network = await cloud.get(ExternalNetworkSchema, "external", acme);
  expect(network).toMatchObject({ cidr: "203.0.113.0/24", gateway: "203.0.113.1", physicalNetwork: "seeded" });
  expect(network).toMatchObject({ ipv6Cidr: "2001:db8:113::/64", ipv6Gateway: "2001:db8:113::1" });
});

fiveLaws<typeof ExternalNetworkSchema, SimulatedDrivers>({
  name: "ExternalNetwork",
  reconciler: externalNetworkReconciler,
  tenant: { org: "", project: "" },
  makeResource: () =>
    create(ExternalNetworkSchema, {
      id: "external",
      cidr: "203.0.113.0/24",
      gateway: "203.0.113.1",
      physicalNetwork: "external",
      vlanId: 7,
    }),
  drivers: () => ({ ...simulatedDrivers() }),
  snapshot: ({ network }) => network.snapshot(),
});
