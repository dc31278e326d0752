import { afterEach, expect, test } from "@jest/globals";
import {
  PlacementGroupSchema,
  PlacementPolicy,
  PlacementStrictness,
} from "@photoncloud/proto/gen/plasmavmc/v1/placement_group_pb";
import { VmSchema, VmState } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { type HostsCloud, type HostTerms, openHostsCloud } from "../../testing/hosts-cloud.ts";
import { faultOf, outcome } from "../../testing/small-cloud.ts";

let world: HostsCloud;
afterEach(() => world.cloud.stop());

const open = async (...terms: HostTerms[]) => {
  world = await openHostsCloud(terms);
  return world.cloud;
};

let made = 0;
const vm = (spec: object) =>
  world.cloud.create(VmSchema, { name: `vm${++made}`, spec: { cpu: 1, memory: 512, ...spec } });
const readyVm = async (spec: object) => world.cloud.ready(VmSchema, (await vm(spec)).id);
const group = (policy: PlacementPolicy, more: object = {}) =>
  world.cloud.create(PlacementGroupSchema, { name: `group${++made}`, policy, ...more });

test("machines are spread by what memory hosts have left, and each host says what it has promised", async () => {
  await open({ id: "a" }, { id: "b" }, { id: "c" });
  const hosts = await Promise.all([1, 2, 3].map(async () => (await readyVm({})).hostId));
  expect(hosts.sort()).toEqual(["a", "b", "c"]);
  expect((await world.host("a")).promised).toMatchObject({ cpu: 1, memoryMib: 512n, diskGib: 1n, machines: 1 });
});

test("a machine that is removed gives its place back", async () => {
  const cloud = await open({ id: "a" });
  const { id } = await readyVm({});
  await cloud.delete(VmSchema, id);
  await cloud.gone(VmSchema, id);
  expect((await world.host("a")).promised).toMatchObject({ cpu: 0, memoryMib: 0n, diskGib: 0n, machines: 0 });
});

test("what was promised is never more than there is, however many ask at once", async () => {
  const cloud = await open({ id: "a", memoryMib: 2048 }, { id: "b", memoryMib: 2048 });
  const made = await Promise.all(Array.from({ length: 12 }, () => vm({})));
  const placed = async () => {
    const vms = await Promise.all(made.map(({ id }) => cloud.get(VmSchema, id)));
    return vms.filter(({ hostId }) => hostId !== "").length;
  };
  const last = made.at(-1)?.id ?? "";
  await cloud.until(VmSchema, last, ({ status }) => status?.reason === "NoHost" || status?.reason === "");
  for (const { id } of made)
    await cloud.until(VmSchema, id, (one) => one.hostId !== "" || one.status?.reason === "NoHost");
  expect(await placed()).toBe(8);
  for (const id of ["a", "b"]) expect((await world.host(id)).promised?.memoryMib).toBe(2048n);
});

test("required groups keep machines apart and together, also those that come at once", async () => {
  const cloud = await open({ id: "a" }, { id: "b" }, { id: "c" });
  const apart = await group(PlacementPolicy.ANTI_AFFINITY);
  const made = await Promise.all(Array.from({ length: 4 }, () => vm({ placementGroupIds: [apart.id] })));
  for (const { id } of made)
    await cloud.until(VmSchema, id, (one) => one.hostId !== "" || one.status?.reason === "NoHost");
  const hosts = (await Promise.all(made.map(({ id }) => cloud.get(VmSchema, id)))).map(({ hostId }) => hostId);
  expect(hosts.sort()).toEqual(["", "a", "b", "c"]);
  const together = await group(PlacementPolicy.AFFINITY);
  const near = await Promise.all(Array.from({ length: 3 }, () => readyVm({ placementGroupIds: [together.id] })));
  expect(new Set(near.map(({ hostId }) => hostId)).size).toBe(1);
});

test("groups may be over a label of hosts, and a wish gives way", async () => {
  await open(
    { id: "a", labels: { rack: "1" } },
    { id: "b", labels: { rack: "1" } },
    { id: "c", labels: { rack: "2" } },
  );
  const racks = await group(PlacementPolicy.ANTI_AFFINITY, { over: "rack", strictness: PlacementStrictness.PREFERRED });
  const spec = { placementGroupIds: [racks.id] };
  const vms = [await readyVm(spec), await readyVm(spec), await readyVm(spec)];
  const rackOf = { a: "1", b: "1", c: "2" };
  const first = new Set(vms.slice(0, 2).map(({ hostId }) => Reflect.get(rackOf, hostId)));
  expect(first).toEqual(new Set(["1", "2"]));
});

test("a machine goes to hosts of its labels alone, and waits for one", async () => {
  const cloud = await open({ id: "a" }, { id: "b", labels: { disk: "nvme" } });
  expect((await readyVm({ hostLabels: { disk: "nvme" } })).hostId).toBe("b");
  const { id } = await vm({ hostLabels: { disk: "tape" } });
  const waiting = await cloud.until(VmSchema, id, ({ status }) => status?.reason === "NoHost");
  expect(waiting.status?.message).toContain("2 of 2 hosts don't have the labels of spec.host_labels");
});

test("a placed machine takes over what its host can give, and is told what it can't", async () => {
  const cloud = await open({ id: "a", labels: { disk: "nvme" }, memoryMib: 1024 });
  const { id } = await readyVm({});
  const update = (spec: object, path: string) => outcome(cloud.update(VmSchema, id, { spec }, [path]));
  expect(await update({ hostLabels: { disk: "nvme" } }, "spec.host_labels")).toBe("ok");
  expect(await update({ hostLabels: { disk: "tape" } }, "spec.host_labels")).toBe("NO_HOST spec.host_labels:placement");
  expect(await update({ memory: 2048 }, "spec.memory")).toBe("NO_HOST spec.memory:placement");
  expect(await update({ memory: 1024 }, "spec.memory")).toBe("ok");
  expect((await cloud.ready(VmSchema, id)).state).toBe(VmState.RUNNING);
  expect((await world.host("a")).promised?.memoryMib).toBe(1024n);
});

test("a placed machine joins a group only where it keeps it, and a group becomes a condition only while it is kept", async () => {
  const cloud = await open({ id: "a" });
  const [one, two] = [await readyVm({}), await readyVm({})];
  const apart = await group(PlacementPolicy.ANTI_AFFINITY);
  const join = (id: string, groupId: string) =>
    cloud.update(VmSchema, id, { spec: { placementGroupIds: [groupId] } }, ["spec.placement_group_ids"]);
  expect(await outcome(join(one.id, apart.id))).toBe("ok");
  const fault = await faultOf(join(two.id, apart.id));
  expect(fault.message).toContain("MigrateVm");
  const wished = await group(PlacementPolicy.ANTI_AFFINITY, { strictness: PlacementStrictness.PREFERRED });
  for (const { id } of [one, two]) await join(id, wished.id);
  const strict = cloud.update(PlacementGroupSchema, wished.id, { strictness: PlacementStrictness.REQUIRED });
  expect(await outcome(strict)).toBe("WRONG_STATE strictness:placement");
});

test("a plan says where a machine fits nowhere, and why; counts alone", async () => {
  const cloud = await open({ id: "a", memoryMib: 1024 }, { id: "b", memoryMib: 1024 });
  expect(await outcome(cloud.plan(VmSchema, "", { name: "fits", spec: { memory: 1024 } }))).toBe("ok");
  const fault = await faultOf(cloud.plan(VmSchema, "", { name: "large", spec: { memory: 4096 } }));
  expect(fault).toMatchObject({ reason: "NO_HOST", details: { violations: [{ path: "spec.memory" }] } });
  expect(fault.message).toBe("no host may run this machine: 2 of 2 hosts have too little memory left");
  const later = cloud.plan(VmSchema, "", { name: "later", spec: { memory: 4096 } }, { unknownPaths: ["spec.memory"] });
  expect(await outcome(later)).toBe("ok");
});

test("ExplainPlacement tells of each host and of what keeps a machine from it", async () => {
  const cloud = await open({ id: "a", memoryMib: 1024 }, { id: "b", memoryMib: 256 });
  const { id } = await readyVm({});
  expect(await cloud.ask(VmSchema, "ExplainPlacement", { id })).toMatchObject({
    fits: true,
    hosts: 2,
    fitting: 1,
    obstacles: [{ reason: "memory", hosts: 1 }],
    verdicts: [
      { hostId: "a", fits: true, current: true },
      { hostId: "b", fits: false, messages: ["it has 256 MiB of memory left, 512 are needed"] },
    ],
  });
});
