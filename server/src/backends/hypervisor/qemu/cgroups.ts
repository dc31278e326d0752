// Each machine's process in a control group of its own, where this host has them and lets us: version 2's one hierarchy, or version 1's several
// (Linux, admin-guide/cgroup-v2.rst and cgroup-v1). They bound a QEMU that a guest has taken over; the guest's own memory is bounded anyway.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "../../../clock.ts";
import type { MachineSpec } from "../driver.ts";

/** What QEMU needs beside the guest's memory, in MiB: itself, translated code, the screen; and, for each disk, its tables. */
const [ownMib, perDiskMib] = [384, 32];
/** Threads beside the processors': at most 64 read and write disks, the rest is room to spare. */
const threads = 256;
/** One processor's part when all want more than there is. */
const [weightPerCpu, largestWeight] = [100, 10_000];
const [sharesPerCpu, largestShares] = [1024, 262_144];
/** How often, and every how many milliseconds, a group is tried to be removed: a process leaves it a moment after its end. */
const [removals, betweenRemovalsMs] = [100, 20];

/**
 * The file of a group into which a process of one thread writes 0 to be in it. Version 1 has one for threads as well: for that, the kernel need not
 * stop every other process of the system from forking, for which it waits 6 to 15 ms.
 */
type Entrance = "cgroup.procs" | "tasks";

type Size = Pick<MachineSpec, "cpu" | "memoryMib" | "disks">;

interface Hierarchy {
  readonly folder: string;
  readonly entrance: Entrance;
  readonly settings: (size: Size) => Readonly<Record<string, string>>;
}

const memoryOf = ({ memoryMib, disks }: Size) => String((memoryMib + ownMib + perDiskMib * disks.length) * 1024 ** 2);
const threadsOf = ({ cpu }: Size) => String(threads + cpu);
const weightOf = ({ cpu }: Size) => String(Math.min(largestWeight, weightPerCpu * cpu));
const sharesOf = ({ cpu }: Size) => String(Math.min(largestShares, sharesPerCpu * cpu));

const version1 = {
  memory: (size: Size) => ({ "memory.limit_in_bytes": memoryOf(size) }),
  pids: (size: Size) => ({ "pids.max": threadsOf(size) }),
  cpu: (size: Size) => ({ "cpu.shares": sharesOf(size) }),
};

/** The group of all groups of ours. Its machines together weigh as much as the host's processors, however many of the host's own want them. */
const parent = "photon";
const processors = availableParallelism();

export class Cgroups {
  readonly #hierarchies: readonly Hierarchy[];
  readonly #clock: Clock;
  private constructor(hierarchies: readonly Hierarchy[], clock: Clock) {
    this.#hierarchies = hierarchies;
    this.#clock = clock;
  }

  /** Looks what this host has; where it has none, or we may not, machines go without. */
  static open(root = "/sys/fs/cgroup", clock: Clock = systemClock): Cgroups {
    const hierarchies = existsSync(join(root, "cgroup.controllers")) ? secondVersion(root) : firstVersion(root);
    return new Cgroups(hierarchies, clock);
  }

  /** Makes a machine's groups. Answers the files into which its process writes 0 to get there, as long as it has one thread. */
  make(name: string, size: Size): readonly string[] {
    for (const { folder } of this.#hierarchies) mkdirSync(join(folder, name), { recursive: true });
    this.limit(name, size);
    return this.#hierarchies.map(({ folder, entrance }) => join(folder, name, entrance));
  }

  /** Sets the limits of groups that are there. */
  limit(name: string, size: Size): void {
    for (const { folder, settings } of this.#hierarchies)
      if (existsSync(join(folder, name)))
        for (const [file, value] of Object.entries(settings(size))) writeFileSync(join(folder, name, file), value);
  }

  async remove(name: string): Promise<void> {
    for (const { folder } of this.#hierarchies) await this.#removeFolder(join(folder, name));
  }

  async #removeFolder(folder: string): Promise<void> {
    for (let left = removals; existsSync(folder) && left > 0; left--)
      try {
        rmdirSync(folder);
      } catch {
        await this.#clock.sleep(betweenRemovalsMs);
      }
  }
}

function secondVersion(root: string): Hierarchy[] {
  const wanted = ["memory", "pids", "cpu"];
  const has = readFileSync(join(root, "cgroup.controllers"), "utf8").split(/\s/);
  const controllers = wanted.filter((name) => has.includes(name));
  const folder = join(root, parent);
  const enabled = attempt(() => {
    mkdirSync(folder, { recursive: true });
    for (const at of [root, folder])
      writeFileSync(join(at, "cgroup.subtree_control"), controllers.map((name) => `+${name}`).join(" "));
  });
  if (!enabled) return [];
  const weight = String(Math.min(largestWeight, weightPerCpu * processors));
  if (controllers.includes("cpu")) attempt(() => writeFileSync(join(folder, "cpu.weight"), weight));
  const settings = (size: Size) => ({
    ...(controllers.includes("memory") ? { "memory.max": memoryOf(size) } : {}),
    ...(controllers.includes("pids") ? { "pids.max": threadsOf(size) } : {}),
    ...(controllers.includes("cpu") ? { "cpu.weight": weightOf(size) } : {}),
  });
  return [{ folder, entrance: "cgroup.procs", settings }];
}

function firstVersion(root: string): Hierarchy[] {
  return Object.entries(version1).flatMap(([controller, settings]) => {
    const folder = join(root, controller, parent);
    const made = existsSync(join(root, controller)) && attempt(() => mkdirSync(folder, { recursive: true }));
    const shares = String(Math.min(largestShares, sharesPerCpu * processors));
    if (made && controller === "cpu") attempt(() => writeFileSync(join(folder, "cpu.shares"), shares));
    return made ? [{ folder, entrance: "tasks", settings }] : [];
  });
}

function attempt(work: () => void): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
