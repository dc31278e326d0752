// Machines that were let grow and find no room, because another was faster: all else is done with them meanwhile, and their status says what they wait for.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { afterEach, expect, test } from "@jest/globals";
import { ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import { PowerState, type Vm, VmSchema, VmState } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { DriverError } from "../../../backends/driver-error.ts";
import { type HostsCloud, type HostTerms, openHostsCloud } from "../../testing/hosts-cloud.ts";

let world: HostsCloud;
afterEach(() => world.cloud.stop());

type Spec = NonNullable<MessageInitShape<typeof VmSchema>["spec"]>;

/** Two machines that both were let have the room that is left for one of them; answers who got it. */
async function race(terms: HostTerms, before: Spec, after: Spec, path: string) {
  let gate = Promise.resolve();
  world = await openHostsCloud([terms, { id: "away" }], async (_, method, call) => {
    if (method === "places.place") await gate;
    return call();
  });
  const { cloud } = world;
  await world.silence("away");
  const made = ["red", "blue"].map((name) => cloud.make(VmSchema, { name, spec: { cpu: 1, memory: 512, ...before } }));
  const ids = (await Promise.all(made)).map(({ id }) => id);
  const open = Promise.withResolvers<void>();
  gate = open.promise;
  for (const id of ids) await cloud.update(VmSchema, id, { spec: after }, [path]);
  open.resolve();
  const look = () => Promise.all(ids.map((id) => cloud.get(VmSchema, id)));
  await world.until(async () => (await look()).some(({ status }) => status?.reason === "NoRoom"));
  const told = await look();
  const [loser, ...more] = told.filter(({ status }) => status?.reason === "NoRoom");
  const winner = told.find(({ status }) => status?.reason !== "NoRoom");
  if (loser === undefined || winner === undefined || more.length > 0) throw new Error("one of the two has no room");
  return { loser, winner: await cloud.ready(VmSchema, winner.id) };
}

const grantedTo = ({ id, hostId }: Vm) => world.scheduler.granted({ vmId: id, hostId });
const power = (id: string, name: "StartVm" | "StopVm") => world.cloud.custom(VmSchema, name, { id });
const isIn = (state: VmState) => (vm: Vm) => vm.state === state;

test("one that lost the race for memory runs on as it was, is told why, and grows when there is room", async () => {
  const { loser, winner } = await race({ id: "a", memoryMib: 2048 }, {}, { memory: 1536 }, "spec.memory");
  const { cloud } = world;
  expect(loser).toMatchObject({ state: VmState.RUNNING, status: { message: expect.stringContaining("MigrateVm") } });
  expect(loser.status?.message).toContain("1024 more MiB of memory");
  expect(await grantedTo(loser)).toMatchObject({ memoryMib: 512 });
  expect((await world.host("a")).promised?.memoryMib).toBe(2048n);
  await cloud.update(VmSchema, winner.id, { spec: { memory: 512 } }, ["spec.memory"]);
  expect(await cloud.ready(VmSchema, loser.id)).toMatchObject({ state: VmState.RUNNING });
  expect(await grantedTo(loser)).toMatchObject({ memoryMib: 1536 });
});

test("one that lost it is stopped, started, changed in all else, and deleted all the same", async () => {
  const { loser } = await race({ id: "a", memoryMib: 2048 }, {}, { memory: 1536 }, "spec.memory");
  const { cloud } = world;
  const { id } = loser;
  await power(id, "StopVm");
  expect(await cloud.until(VmSchema, id, isIn(VmState.STOPPED))).toMatchObject({ status: { reason: "NoRoom" } });
  const disks = [
    { id: "root", sizeGib: 1 },
    { id: "data", sizeGib: 2 },
  ];
  await cloud.update(VmSchema, id, { spec: { disks } }, ["spec.disks"]);
  await power(id, "StartVm");
  await cloud.until(VmSchema, id, isIn(VmState.RUNNING));
  expect(await grantedTo(loser)).toMatchObject({ memoryMib: 512, disks: { root: 1, data: 2 } });
  await cloud.delete(VmSchema, id);
  await cloud.gone(VmSchema, id);
  expect((await world.host("a")).promised).toMatchObject({ memoryMib: 1536n, machines: 1 });
});

test("a disk that there is no room for comes later, and the others stay", async () => {
  const disks = [
    { id: "root", sizeGib: 1 },
    { id: "data", sizeGib: 600 },
  ];
  const { loser, winner } = await race({ id: "a" }, { disks: disks.slice(0, 1) }, { disks }, "spec.disks");
  expect(loser.state).toBe(VmState.RUNNING);
  expect(await grantedTo(loser)).toMatchObject({ disks: { root: 1 }, diskGib: 1 });
  await world.cloud.delete(VmSchema, winner.id);
  await world.cloud.ready(VmSchema, loser.id);
  expect(await grantedTo(loser)).toMatchObject({ disks: { root: 1, data: 600 } });
});

test("one moves to a host with more room, and grows there", async () => {
  const { loser } = await race({ id: "a", memoryMib: 2048 }, {}, { memory: 1536 }, "spec.memory");
  await world.hear("away");
  await world.migrate(loser.id, { hostId: "away" });
  await world.cloud.until(VmSchema, loser.id, ({ hostId }) => hostId === "away");
  const grown = await world.cloud.ready(VmSchema, loser.id);
  expect(grown).toMatchObject({ hostId: "away", state: VmState.RUNNING });
  expect(await grantedTo(grown)).toMatchObject({ memoryMib: 1536 });
});

test("what it refers to need not be ready for a machine to be stopped", async () => {
  let broken = false;
  world = await openHostsCloud([{ id: "a" }], async (_, method, call) => {
    if (broken && method === "a.ensureImage") throw new DriverError("unavailable", "the image is broken");
    return call();
  });
  const { cloud } = world;
  const image = await cloud.make(ImageSchema, {
    id: "mine",
    name: "mine",
    sourceUrl: "https://images.example/mine.raw",
  });
  const { id } = await cloud.make(VmSchema, { name: "red", spec: { imageId: image.id } });
  broken = true;
  await cloud.update(ImageSchema, image.id, { labels: { changed: "yes" } }, ["labels"]);
  await cloud.until(ImageSchema, image.id, ({ status }) => status?.reason === "BackendUnavailable");
  await power(id, "StopVm");
  expect(await cloud.until(VmSchema, id, isIn(VmState.STOPPED))).toMatchObject({ powerState: PowerState.STOPPED });
});
