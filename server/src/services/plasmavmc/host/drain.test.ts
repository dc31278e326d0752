import { afterEach, expect, test } from "@jest/globals";
import { type Host, HostDrainPhase, HostSchema, HostState } from "@photoncloud/proto/gen/plasmavmc/v1/host_pb";
import { HostFailurePolicy, VmMovePhase, VmSchema, VmState } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { type HostsCloud, type HostTerms, openHostsCloud } from "../../testing/hosts-cloud.ts";
import { outcome } from "../../testing/small-cloud.ts";

let world: HostsCloud;
afterEach(() => world.cloud.stop());

const system = { orgId: "", projectId: "" };
const open = async (...terms: HostTerms[]) => {
  world = await openHostsCloud(terms);
  return world.cloud;
};
let made = 0;
const readyVm = async (spec: object = {}) => {
  const asked = { name: `vm${++made}`, spec: { cpu: 1, memory: 512, imageId: "debian-12", ...spec } };
  return world.cloud.ready(VmSchema, (await world.cloud.create(VmSchema, asked)).id);
};
const schedulable = (id: string, value: boolean) =>
  world.cloud.update(HostSchema, id, { schedulable: value }, ["schedulable"]);
/** All on host a, before others are open. */
const readyOnA = async (count: number, spec: object = {}) => {
  for (const id of ["b", "c"]) if (world.drivers.has(id)) await schedulable(id, false);
  const vms = await Promise.all(Array.from({ length: count }, () => readyVm(spec)));
  for (const id of ["b", "c"]) if (world.drivers.has(id)) await schedulable(id, true);
  return vms;
};
const host = (id: string, is: (host: Host) => boolean) => world.cloud.until(HostSchema, id, is, system);
const phase = (wanted: HostDrainPhase) => (one: Host) => one.drain?.phase === wanted;

test("a drain moves all machines away, a few at a time, and the host takes no new ones until it is ended", async () => {
  const cloud = await open({ id: "a" }, { id: "b" }, { id: "c" });
  const vms = await readyOnA(5);
  const preview = await cloud.ask(HostSchema, "PreviewDrain", { ...system, id: "a" });
  expect(preview).toMatchObject({ machines: 5, movable: 5 });
  expect(new Set(Reflect.get(preview, "moves").map((move: { targetHostId: string }) => move.targetHostId))).toEqual(
    new Set(["b", "c"]),
  );
  await world.ask("DrainHost", "a", { parallel: 2 });
  const drained = await host("a", phase(HostDrainPhase.DRAINED));
  expect(drained.drain).toMatchObject({ moved: 5, left: 0, moving: 0, blocked: [] });
  expect(await world.has("a")).toEqual([]);
  for (const { id } of vms) expect((await cloud.get(VmSchema, id)).state).toBe(VmState.RUNNING);
  expect((await readyVm()).hostId).not.toBe("a");
  await world.ask("AbortDrain", "a");
  await host("a", phase(HostDrainPhase.ABORTED));
  expect((await readyVm()).hostId).toBe("a");
});

test("a drain names what it can't move, and why; the preview says so before", async () => {
  const cloud = await open({ id: "a", labels: { rack: "r1" } }, { id: "b", memoryMib: 600 });
  const [one, two, kept] = [...(await readyOnA(2)), ...(await readyOnA(1, { hostLabels: { rack: "r1" } }))];
  const preview = await cloud.ask(HostSchema, "PreviewDrain", { ...system, id: "a" });
  expect(preview).toMatchObject({ machines: 3, movable: 1 });
  const reasons: string[] = Reflect.get(preview, "moves").map((move: { reason: string }) => move.reason);
  expect(reasons.filter((reason) => reason.includes("too little memory"))).toHaveLength(2);
  await world.ask("DrainHost", "a");
  const stuck = await host("a", ({ drain }) => drain?.moved === 1 && drain.blocked.length === 2);
  const blocked = new Map(stuck.drain?.blocked.map(({ vmId, reason }) => [vmId, reason]));
  expect(blocked.get(kept?.id ?? "")).toContain("have the labels of spec.host_labels");
  const waiting = blocked.has(one?.id ?? "") ? one : two;
  expect(blocked.get(waiting?.id ?? "")).toContain("too little memory");
  expect(stuck.drain?.blocked[0]).toMatchObject({ orgId: "acme", projectId: "alpha" });
  expect((await cloud.get(VmSchema, kept?.id ?? "")).state).toBe(VmState.RUNNING);
});

test("the preview of a drain says whose guests stand still while they are moved", async () => {
  const previewOf = async (accelerator: string) => {
    const cloud = await open({ id: "a", accelerator }, { id: "b", accelerator });
    await readyOnA(1);
    const preview = await cloud.ask(HostSchema, "PreviewDrain", { ...system, id: "a" });
    return Reflect.get(preview, "moves")[0].reason;
  };
  expect(await previewOf("tcg")).toMatch(/^it is moved while it runs; .* stands still while its memory is copied$/);
  await world.cloud.stop();
  expect(await previewOf("kvm")).toBe("it is moved while it runs");
});

test("a drain that is ended takes back what is being copied", async () => {
  const cloud = await open({ id: "a", moveMs: 60_000 }, { id: "b" });
  const vms = await readyOnA(3);
  await world.ask("DrainHost", "a", { parallel: 1 });
  await host("a", ({ drain }) => drain?.moving === 1);
  const copied = async () => {
    const all = await Promise.all(vms.map(({ id }) => cloud.get(VmSchema, id)));
    return all.find(({ move }) => move?.phase === VmMovePhase.COPYING)?.id ?? "";
  };
  await world.until(async () => (await copied()) !== "");
  const moving = await copied();
  await world.ask("AbortDrain", "a");
  await cloud.until(VmSchema, moving, ({ move }) => move?.phase === VmMovePhase.CANCELLED);
  expect(await world.has("a")).toHaveLength(3);
  expect(await outcome(world.ask("AbortDrain", "a"))).toBe("WRONG_STATE");
});

test("a host that is only silent is not evacuated", async () => {
  await open({ id: "a" }, { id: "b" });
  const [vm] = await readyOnA(1, { onHostFailure: HostFailurePolicy.REBUILD });
  await world.silence("a");
  const { hostId } = await world.cloud.until(VmSchema, vm?.id ?? "", ({ state }) => state === VmState.UNKNOWN);
  expect(hostId).toBe("a");
  expect(await outcome(world.ask("EvacuateHost", "a"))).toBe("WRONG_STATE");
});

test("the machines of a lost host wait for it, or are made anew elsewhere when it is given up, as each says", async () => {
  const cloud = await open({ id: "a" }, { id: "b" });
  const [waits] = await readyOnA(1);
  const [rebuilds] = await readyOnA(1, { onHostFailure: HostFailurePolicy.REBUILD });
  const ids = { waits: waits?.id ?? "", rebuilds: rebuilds?.id ?? "" };
  await world.silence("a");
  await world.fence("a");
  expect(await outcome(world.ask("DrainHost", "a"))).toBe("WRONG_STATE");
  expect(await outcome(cloud.delete(HostSchema, "a", system))).toBe("WRONG_STATE");
  for (const id of Object.values(ids)) await cloud.until(VmSchema, id, ({ state }) => state === VmState.FAILED);
  expect((await cloud.get(VmSchema, ids.rebuilds)).stateReason).toContain("EvacuateHost");
  expect((await cloud.get(VmSchema, ids.waits)).stateReason).toContain("set spec.on_host_failure to rebuild");
  await world.ask("EvacuateHost", "a");
  const made = await cloud.until(VmSchema, ids.rebuilds, ({ state }) => state === VmState.RUNNING);
  expect(made.hostId).toBe("b");
  const given = await host("a", ({ evacuation }) => evacuation?.rebuilt === 1 && evacuation.left === 1);
  expect(given.evacuation?.waiting).toMatchObject([{ vmId: ids.waits, orgId: "acme", projectId: "alpha" }]);
  // It joins anew, with both on its disks: the one that was made anew must never run there again.
  expect(await world.has("a")).toEqual(Object.values(ids).sort());
  await world.hear("a");
  const found = await cloud.until(VmSchema, ids.waits, ({ state }) => state === VmState.RUNNING);
  expect(found.hostId).toBe("a");
  await world.until(async () => (await world.only(ids.rebuilds)).join() === "b");
  expect(await world.only(ids.waits)).toEqual(["a"]);
});

test("a machine that is deleted while its host is fenced is removed there when the host joins anew", async () => {
  const cloud = await open({ id: "a" }, { id: "b" });
  const [vm] = await readyOnA(1);
  const id = vm?.id ?? "";
  await world.silence("a");
  await world.fence("a");
  await cloud.delete(VmSchema, id);
  await cloud.gone(VmSchema, id);
  expect((await world.host("a")).promised?.machines).toBe(0);
  expect(await world.only(id)).toEqual(["a"]);
  await world.hear("a");
  await world.until(async () => (await world.only(id)).length === 0);
  expect((await world.host("a")).state).toBe(HostState.READY);
});
