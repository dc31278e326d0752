// Many machines at once: simulated ones beside as many VPCs, and real ones beside as many bare QEMUs.
import type { PhotonCloud } from "@photoncloud/sdk";
import { startTestCloud } from "@photoncloud/server/testing";
import { type BareGuest, bareGuestOf } from "./bare.ts";
import { type Figure, figure } from "./figure.ts";
import { monotonicMs } from "./observer.ts";
import { clientIn, newName, type World } from "./world.ts";

/** The best counts, for both sides. */
const rounds = 3;
const manySimulated = 50;
const manyReal = 10;
/** MiB */
const memory = 96;

const times = <T>(count: number, make: () => Promise<T>) => Promise.all(Array.from({ length: count }, make));

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** The floor is what any resource costs that the server makes: a VPC. */
export async function simulatedAtOnce(): Promise<Figure> {
  const server = await startTestCloud();
  try {
    const cloud = await clientIn(server);
    const cidr = "10.0.0.0/16";
    const vpcs = () => times(manySimulated, () => cloud.vpcs.create({ name: newName(), cidr }, { wait: "settled" }));
    let [value, floor] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let round = 0; round < rounds; round++) {
      value = Math.min(value, await simulatedRound(cloud));
      floor = Math.min(floor, await timed(vpcs));
    }
    return figure(`${manySimulated} simulated machines at once until they run / as many VPCs`, value, floor, "ms");
  } finally {
    await server.stop();
  }
}

/** They go again before the next: a host that has no room left would be measured at refusing them. */
async function simulatedRound(cloud: PhotonCloud): Promise<number> {
  const spec = { cpu: 1, memory };
  const start = performance.now();
  const made = await times(manySimulated, () => cloud.vms.create({ name: newName(), spec }, { wait: "settled" }));
  const took = performance.now() - start;
  for (const { id, state, status } of made)
    if (state !== "running") throw new Error(`${id} does not run: ${status?.message}`);
  await Promise.all(made.map(({ id }) => cloud.vms.delete(id, { wait: "settled" })));
  return took;
}

/** Until each guest executes its first instruction. They have no network. */
export async function realAtOnce(world: World): Promise<Figure> {
  let [value, floor] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < rounds; round++) {
    const { took, copies } = await oursAtOnce(world);
    value = Math.min(value, took);
    floor = Math.min(floor, await bareAtOnce(world, copies));
  }
  return figure(`${manyReal} machines at once until all execute / bare qemu`, value, floor, "ms");
}

async function oursAtOnce({ cloud, guests, observer }: World) {
  const start = monotonicMs();
  const made = await times(manyReal, async () => {
    const { id: vmId } = await cloud.vms.create({ name: newName(), spec: { cpu: 1, memory, imageId: "tiny" } });
    return { vmId, ...(await observer.executing(vmId)) };
  });
  const took = Math.max(...made.map(({ atMs }) => atMs)) - start;
  const copies = made.map(({ vmId, pid }) => bareGuestOf(guests, vmId, pid));
  await Promise.all(made.map(({ vmId }) => cloud.vms.delete(vmId)));
  await Promise.all(made.map(({ vmId }) => cloud.vms.waitUntilGone(vmId)));
  return { took, copies };
}

async function bareAtOnce({ observer }: World, copies: readonly BareGuest[]): Promise<number> {
  try {
    const began = await Promise.all(copies.map(({ word, words }) => observer.start(word, words)));
    const seen = await Promise.all(copies.map(({ word }) => observer.executing(word)));
    return Math.max(...seen.map(({ atMs }) => atMs)) - Math.min(...began);
  } finally {
    await Promise.all(copies.map(({ word }) => observer.end(word)));
    for (const copy of copies) copy.remove();
  }
}
