// Grows a running machine within the room that it was started with.
import type { MachineSpec } from "../driver.ts";
import { blockMib, roomForCpus, roomForMemory } from "../growth.ts";
import { type Qmp, QmpError, recordOf } from "./qmp.ts";

/** The most that a machine may have until it is started again. */
export interface Room {
  readonly cpu: number;
  readonly memoryMib: number;
}

type Size = Pick<MachineSpec, "cpu" | "memoryMib">;

/** How often memory may be added between two starts. */
export const memorySlots = 8;

/** Names a part of a machine's memory that was added, by what it had before. */
const dimmPrefix = "dimm-";

export function memoryBackendOf(dimm: string): string {
  return `memory-${dimm.slice(dimmPrefix.length)}`;
}

export function roomOf({ cpu, memoryMib }: Size): Room {
  return { cpu: roomForCpus(cpu), memoryMib: roomForMemory(memoryMib) };
}

/** Grows a running machine as far as it can. Answers what it has then: what shrinks, or goes beyond its room, waits for a start. */
export async function growSize(monitor: Qmp, room: Room, from: Size, to: Size): Promise<Size> {
  return { cpu: await growCpus(monitor, room, from.cpu, to.cpu), memoryMib: await growMemory(monitor, room, from, to) };
}

async function growCpus(monitor: Qmp, room: Room, from: number, to: number): Promise<number> {
  if (to <= from || to > room.cpu) return from;
  const answer = await monitor.execute("query-hotpluggable-cpus");
  const places = (Array.isArray(answer) ? answer : []).map((place: unknown) => recordOf(place) ?? {});
  const free = places.filter((place) => place["qom-path"] === undefined).sort((a, b) => coreOf(a) - coreOf(b));
  for (const place of free.slice(0, to - from))
    await monitor.execute("device_add", { driver: place.type, id: `cpu-${coreOf(place)}`, ...recordOf(place.props) });
  return from + Math.min(free.length, to - from);
}

function coreOf({ props }: Record<string, unknown>): number {
  return Number(recordOf(props)?.["core-id"]);
}

async function growMemory(monitor: Qmp, room: Room, from: Size, to: Size): Promise<number> {
  const more = to.memoryMib - from.memoryMib;
  if (more <= 0 || more % blockMib !== 0 || to.memoryMib > room.memoryMib) return from.memoryMib;
  const id = `${dimmPrefix}${from.memoryMib}`;
  const backend = memoryBackendOf(id);
  await monitor.execute("object-add", { "qom-type": "memory-backend-ram", id: backend, size: more * 1024 ** 2 });
  try {
    await monitor.execute("device_add", { driver: "pc-dimm", id, memdev: backend });
    return to.memoryMib;
  } catch (error) {
    await monitor.execute("object-del", { id: backend }).catch(() => {});
    // All slots are taken.
    if (error instanceof QmpError && error.reason === "GenericError") return from.memoryMib;
    throw error;
  }
}

/** What the running machine says that it has. */
export async function sizeNow(monitor: Qmp): Promise<Size> {
  const [cpus, memory] = [await monitor.execute("query-cpus-fast"), await monitor.execute("query-memory-size-summary")];
  const { "base-memory": base, "plugged-memory": plugged } = recordOf(memory) ?? {};
  return {
    cpu: Array.isArray(cpus) ? cpus.length : 1,
    memoryMib: (Number(base ?? 0) + Number(plugged ?? 0)) / 1024 ** 2,
  };
}
