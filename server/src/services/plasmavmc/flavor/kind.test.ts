import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import { Impact } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { FlavorSchema } from "@photoncloud/proto/gen/plasmavmc/v1/flavor_pb";
import { VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { acme, beta, faultOf, openSmallCloud, outcome, rival, type SmallCloud } from "../../testing/small-cloud.ts";
import { builtInFlavors, seedFlavors } from "./seed.ts";

let cloud: SmallCloud;
beforeAll(async () => {
  cloud = await openSmallCloud();
});
afterAll(() => cloud.stop());

let made = 0;
const aName = () => `n${++made}`;
const aFlavor = (cpu: number, memory: number) => cloud.create(FlavorSchema, { cpu, memory });
const aVm = (spec: object) => cloud.create(VmSchema, { name: aName(), spec });
const resized = (id: string, spec: object, paths: string[]) => cloud.update(VmSchema, id, { spec }, paths);
const sizeOf = async (id: string) => {
  const { spec } = await cloud.get(VmSchema, id);
  return [spec?.cpu, spec?.memory];
};

test("seedFlavors() makes the built-in flavors once, and every project sees them", async () => {
  await seedFlavors(cloud.resources, catalog());
  for (const { id, cpu } of builtInFlavors)
    for (const tenant of [acme, beta, rival]) expect((await cloud.get(FlavorSchema, id, tenant)).cpu).toBe(cpu);
});

test("a flavor needs CPUs and memory", async () => {
  expect(await outcome(cloud.create(FlavorSchema, {}))).toBe("INVALID_FIELDS cpu:required memory:required");
  expect(await outcome(cloud.create(FlavorSchema, { cpu: 300, memory: 512 }))).toBe("INVALID_FIELDS cpu:range");
});

describe("a VM with a flavor", () => {
  test("has its size", async () => {
    const { id } = await aVm({ flavorId: "medium" });
    await cloud.ready(VmSchema, id);
    expect(await sizeOf(id)).toEqual([2, 4096]);
    expect(JSON.stringify(cloud.drivers.hypervisor.snapshot())).toContain('"memoryMib":4096');
  });

  test("takes no other size beside it", async () => {
    const fault = await faultOf(aVm({ flavorId: "medium", cpu: 3 }));
    expect(fault.details.violations).toMatchObject([{ path: "spec.cpu", rule: "conflict" }]);
    expect(fault.message).toContain("leave out either spec.cpu or spec.flavor_id");
    const { id } = await aVm({ flavorId: "medium" });
    expect(await outcome(resized(id, { memory: 128 }, ["spec.memory"]))).toBe("INVALID_FIELDS spec.memory:conflict");
  });

  test("keeps what its flavor said when it was taken", async () => {
    const flavor = await aFlavor(2, 256);
    const { id } = await aVm({ flavorId: flavor.id });
    await cloud.update(FlavorSchema, flavor.id, { cpu: 4 }, ["cpu"]);
    await cloud.update(VmSchema, id, { labels: { team: "web" } }, ["labels"]);
    expect(await sizeOf(id)).toEqual([2, 256]);
    expect(await sizeOf((await aVm({ flavorId: flavor.id })).id)).toEqual([4, 256]);
  });

  test("gets another one, whether what it had is sent again or not; and goes back to a size of its own", async () => {
    const { id } = await aVm({ cpu: 3, memory: 128 });
    await resized(id, { cpu: 3, memory: 128, flavorId: "small" }, ["spec.cpu", "spec.memory", "spec.flavor_id"]);
    expect(await sizeOf(id)).toEqual([1, 1024]);
    await resized(id, { flavorId: "medium" }, ["spec.flavor_id"]);
    expect(await sizeOf(id)).toEqual([2, 4096]);
    await resized(id, {}, ["spec.flavor_id"]);
    expect(await sizeOf(id)).toEqual([2, 4096]);
    await resized(id, { cpu: 1 }, ["spec.cpu"]);
    expect(await sizeOf(id)).toEqual([1, 4096]);
  });

  test("keeps it from being deleted, and is restarted by another one", async () => {
    const flavor = await aFlavor(1, 128);
    const { id, name } = await aVm({ flavorId: flavor.id });
    expect(await outcome(cloud.delete(FlavorSchema, flavor.id))).toBe("STILL_REFERENCED");
    const mask = { updateMask: { paths: ["spec.flavor_id"] } };
    const plan = await cloud.plan(VmSchema, id, { name, spec: { flavorId: "small" } }, mask);
    expect(Reflect.get(plan, "changes")).toMatchObject([{ path: "spec.flavor_id", impact: Impact.RESTART }]);
  });

  test("sees no flavor of another project", async () => {
    const foreign = await cloud.create(FlavorSchema, { ...beta, cpu: 1, memory: 128 });
    expect(await outcome(aVm({ flavorId: foreign.id }))).toBe("INVALID_FIELDS spec.flavor_id:unknown_reference");
  });
});
