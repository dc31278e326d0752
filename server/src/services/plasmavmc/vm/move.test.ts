import { afterEach, expect, test } from "@jest/globals";
import { HostSchema } from "@photoncloud/proto/gen/plasmavmc/v1/host_pb";
import { PowerState, VmMovePhase, VmSchema, VmState } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { VmSnapshotSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_snapshot_pb";
import { DriverError } from "../../../backends/driver-error.ts";
import type { HypervisorDriver } from "../../../backends/hypervisor/driver.ts";
import type { SimulatedHypervisor } from "../../../backends/hypervisor/simulated/index.ts";
import { type HostsCloud, type HostTerms, openHostsCloud } from "../../testing/hosts-cloud.ts";
import { outcome } from "../../testing/small-cloud.ts";

let world: HostsCloud;
afterEach(() => world.cloud.stop());

const open = async (...terms: HostTerms[]) => {
  world = await openHostsCloud(terms);
  return world.cloud;
};
let made = 0;
const readyVm = async (values: object = {}) => {
  const { spec, ...more } = { spec: {}, ...values };
  const asked = { name: `vm${++made}`, spec: { cpu: 1, memory: 512, imageId: "debian-12", ...spec }, ...more };
  return world.cloud.ready(VmSchema, (await world.cloud.create(VmSchema, asked)).id);
};
const ended = (id: string, phase: VmMovePhase) => world.cloud.until(VmSchema, id, ({ move }) => move?.phase === phase);
const place = (id: string, schedulable: boolean) =>
  world.cloud.update(HostSchema, id, { schedulable }, ["schedulable"]);

test("a running machine moves, stays ready all the while, and leaves nothing behind", async () => {
  const cloud = await open({ id: "a" }, { id: "b" });
  const before = await readyVm();
  const other = before.hostId === "a" ? "b" : "a";
  expect(await world.migrate(before.id)).toMatchObject({ moveOrder: { number: 1, hostId: "" } });
  const after = await ended(before.id, VmMovePhase.DONE);
  expect(after).toMatchObject({
    hostId: other,
    state: VmState.RUNNING,
    startTime: before.startTime,
    etag: before.etag,
  });
  expect(after.move).toMatchObject({ sourceHostId: before.hostId, targetHostId: other, progress: 100, reason: "" });
  expect(await world.only(before.id)).toEqual([other]);
  expect((await world.host(before.hostId)).promised?.machines).toBe(0);
  expect((await world.host(other)).promised).toMatchObject({ machines: 1, memoryMib: 512n });
  expect((await cloud.ready(VmSchema, before.id)).etag).toBe(before.etag);
});

test("a stopped machine moves, too, and stays stopped", async () => {
  await open({ id: "a" }, { id: "b" });
  const { id, hostId } = await readyVm({ powerState: PowerState.STOPPED });
  await world.migrate(id);
  const { state, hostId: after } = await ended(id, VmMovePhase.DONE);
  expect(state).toBe(VmState.STOPPED);
  expect([hostId, after].sort()).toEqual(["a", "b"]);
});

test("a machine may be moved there and back", async () => {
  await open({ id: "a" }, { id: "b" });
  const { id, hostId } = await readyVm();
  const other = hostId === "a" ? "b" : "a";
  for (const [number, to] of [other, hostId, other].entries()) {
    await world.migrate(id, { hostId: to });
    await world.cloud.until(VmSchema, id, ({ move }) => move?.number === number + 1 && move.phase === VmMovePhase.DONE);
    expect(await world.only(id)).toEqual([to]);
  }
});

test("a move without a host fails with the reasons, and the machine goes on", async () => {
  await open({ id: "a" }, { id: "b", memoryMib: 128 });
  const { id } = await readyVm();
  await world.migrate(id);
  const { move, hostId } = await ended(id, VmMovePhase.FAILED);
  expect(move?.reason).toContain("1 of 2 hosts have too little memory left");
  expect(hostId).toBe("a");
  await world.migrate(id, { hostId: "b" });
  const named = await world.cloud.until(VmSchema, id, (vm) => vm.move?.number === 2);
  expect(named.move?.reason).toContain("host b may not run it: it has 128 MiB of memory left, 512 are needed");
});

test("what can't be moved is refused at once", async () => {
  const cloud = await open({ id: "a" }, { id: "b" });
  const { id, hostId } = await readyVm();
  expect(await outcome(world.migrate(id, { hostId }))).toBe("INVALID_FIELDS host_id:conflict");
  expect(await outcome(world.migrate(id, { hostId: "nowhere" }))).toBe("INVALID_FIELDS host_id:unknown_reference");
  expect(await outcome(cloud.custom(VmSchema, "CancelVmMove", { id }))).toBe("WRONG_STATE");
});

test("a move that is taken back leaves the machine where it is, and nothing on the other host", async () => {
  const cloud = await open({ id: "a", moveMs: 60_000 }, { id: "b", moveMs: 60_000 });
  const { id, hostId } = await readyVm();
  await world.migrate(id);
  await ended(id, VmMovePhase.COPYING);
  expect(await outcome(world.migrate(id))).toBe("WRONG_STATE");
  expect(await outcome(cloud.create(VmSnapshotSchema, { name: "not-now", vmId: id }))).toBe("WRONG_STATE");
  await cloud.custom(VmSchema, "CancelVmMove", { id });
  const { move, state } = await ended(id, VmMovePhase.CANCELLED);
  expect({ reason: move?.reason, state }).toEqual({ reason: "it was asked to stay", state: VmState.RUNNING });
  expect(await world.only(id)).toEqual([hostId]);
  const other = await world.host(hostId === "a" ? "b" : "a");
  expect(other.promised?.machines).toBe(0);
});

test("a machine that is asked to stop while it is moved stops at once", async () => {
  const cloud = await open({ id: "a", moveMs: 60_000 }, { id: "b", moveMs: 60_000 });
  const { id } = await readyVm();
  await world.migrate(id);
  await ended(id, VmMovePhase.COPYING);
  await cloud.custom(VmSchema, "StopVm", { id });
  const stopped = await cloud.until(VmSchema, id, ({ state }) => state === VmState.STOPPED);
  expect(stopped.move).toMatchObject({ phase: VmMovePhase.CANCELLED, reason: "it should be stopped" });
});

test("a machine that is deleted while it is moved leaves nothing on either host", async () => {
  const cloud = await open({ id: "a", moveMs: 60_000 }, { id: "b", moveMs: 60_000 });
  const { id } = await readyVm();
  await world.migrate(id);
  await ended(id, VmMovePhase.COPYING);
  await cloud.delete(VmSchema, id);
  await cloud.gone(VmSchema, id);
  expect(await world.only(id)).toEqual([]);
  for (const host of ["a", "b"]) expect((await world.host(host)).promised?.machines).toBe(0);
});

/** Refuses to move what runs, as some machines do. */
function coldOnly(driver: SimulatedHypervisor): HypervisorDriver {
  const { moves } = driver;
  const send: (typeof moves)["send"] = async (vmId, offer, signal) => {
    if ((await driver.state(vmId))?.state === "running") throw new DriverError("refused", "it must be stopped first");
    return moves.send(vmId, offer, signal);
  };
  const cold = new Proxy(moves, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (property === "send") return send;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return new Proxy(driver, {
    get(target, property) {
      const value: unknown = property === "moves" ? cold : Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

test("what can't be moved while it runs is shut down, moved and started again, if that is allowed", async () => {
  await open({ id: "a", wrap: coldOnly }, { id: "b", wrap: coldOnly });
  const { id, hostId } = await readyVm();
  await world.migrate(id);
  expect((await ended(id, VmMovePhase.FAILED)).move?.reason).toBe("it must be stopped first");
  await world.migrate(id, { stop: true });
  const after = await ended(id, VmMovePhase.DONE);
  expect(after).toMatchObject({ move: { stopped: true } });
  expect(after.hostId).not.toBe(hostId);
  await world.cloud.until(VmSchema, id, ({ state }) => state === VmState.RUNNING);
});

test("a machine whose target falls silent stays; one whose source falls silent is unknown, and goes on when it is heard of", async () => {
  await open({ id: "a", moveMs: 300 }, { id: "b", moveMs: 300 });
  const { id, hostId } = await readyVm();
  const other = hostId === "a" ? "b" : "a";
  await world.migrate(id);
  await ended(id, VmMovePhase.COPYING);
  await world.silence(hostId);
  await world.cloud.until(VmSchema, id, ({ state }) => state === VmState.UNKNOWN);
  await world.hear(hostId);
  const after = await ended(id, VmMovePhase.DONE);
  expect(after.hostId).toBe(other);
  expect(await world.only(id)).toEqual([other]);
});

test("a source that falls silent after its machine has come keeps a leftover, which is removed when it is heard of", async () => {
  const removing = Promise.withResolvers<void>();
  const wrap = (driver: SimulatedHypervisor) =>
    new Proxy(driver, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target);
        if (property !== "remove") return typeof value === "function" ? value.bind(target) : value;
        return async (vmId: string, signal: AbortSignal) => {
          removing.resolve();
          if (broken) throw new DriverError("unavailable", "it fell silent");
          return target.remove(vmId, signal);
        };
      },
    });
  let broken = true;
  await open({ id: "a", wrap }, { id: "b", wrap });
  await place("b", false);
  const { id } = await readyVm();
  await place("b", true);
  await world.migrate(id);
  await removing.promise;
  expect((await ended(id, VmMovePhase.DONE)).hostId).toBe("b");
  expect(await world.only(id)).toEqual(["a", "b"]);
  await world.migrate(id);
  const { move } = await world.cloud.until(VmSchema, id, (vm) => vm.move?.number === 2);
  expect(move?.reason).toContain("still have what it left there before");
  broken = false;
  await world.hear("a");
  await world.until(async () => (await world.only(id)).join() === "b");
});
