// How far a machine grows while it runs: its processors and memory must have places from the start, and places cost the guest.

/** Twice what it has, and four processors at least. */
const [timesNow, fewestCpus] = [2, 4];
/** The most processors that QEMU's x86 machines take without an I/O APIC that remaps (no x2APIC). */
const mostCpus = 255;
/** Below this, in MiB, a machine has no room for memory: Linux sets 64 MiB aside in a guest whose memory may reach beyond 4 GiB. */
const growsFromMib = 512;
/** Linux takes memory in blocks of this size, in MiB (x86-64, SECTION_SIZE_BITS). */
export const blockMib = 128;

/** The most processors that one with so many may have until it is started again. */
export function roomForCpus(cpu: number): number {
  return Math.max(cpu, Math.min(mostCpus, Math.max(fewestCpus, timesNow * cpu)));
}

/** The most memory that one with so much may have until it is started again, in MiB. */
export function roomForMemory(memoryMib: number): number {
  return memoryMib < growsFromMib ? memoryMib : timesNow * memoryMib;
}

/**
 * Whether a machine of this size takes over the other one while it runs, where its host can do that at all. One that has grown since it was
 * started has the room of what it was then, which may be less.
 */
export const canGrow = {
  cpu: (before: number, after: number) => after > before && after <= roomForCpus(before),
  memory: (before: number, after: number) =>
    after > before && after <= roomForMemory(before) && (after - before) % blockMib === 0,
} as const;
