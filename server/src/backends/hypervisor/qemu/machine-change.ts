// What a running machine takes over of a new definition, and what of it waits for a restart.
import { isDeepStrictEqual } from "node:util";
import type { MachineSpec } from "../driver.ts";
import { writeRunning } from "./definition.ts";
import { groupOf, userOf } from "./host.ts";
import { change } from "./hotplug.ts";
import { give } from "./launch.ts";
import type { MachineLife } from "./machine-life.ts";
import type { Power } from "./power-off.ts";
import { survey } from "./survey.ts";

/** Whether a machine that was started as `then` has to be started again to be as `now`. @param then undefined: it does not run. */
export function needsRestart(now: MachineSpec, then: MachineSpec | undefined): boolean {
  const shapeOf = (spec: MachineSpec) => ({
    cpu: spec.cpu,
    memoryMib: spec.memoryMib,
    disks: spec.disks.map(({ id, sizeGib }) => [id, sizeGib]).sort(),
    nics: spec.nics.map(({ id, portId, macAddress }) => [id, portId, macAddress]).sort(),
  });
  return then !== undefined && JSON.stringify(shapeOf(now)) !== JSON.stringify(shapeOf(then));
}

/** Has a running machine be so; one that is known to be so is not asked. @throws where it can't; what it has taken over until then is written down. */
export async function changeRunning(
  life: MachineLife,
  { running, monitor }: Power,
  spec: MachineSpec,
  slots: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<void> {
  if (isDeepStrictEqual(spec, life.isSo)) return;
  life.isSo = undefined;
  const { host, files, events } = life;
  host.cgroups.limit(groupOf(host, spec.vmId), largerOf(spec, running.spec));
  const bench = {
    monitor,
    slots,
    taps: host.taps,
    files,
    events,
    room: running.room,
    uid: userOf(host, spec.vmId),
    own: (file: string) => give(host, spec, file),
  };
  let now = running.spec;
  try {
    now = await change(bench, running.spec, spec, signal);
    if (isDeepStrictEqual(spec, now)) life.isSo = spec;
  } catch (error) {
    now = await survey(monitor, running.spec).catch(() => running.spec);
    throw error;
  } finally {
    life.running = { ...running, spec: now };
    writeRunning(files, life.running);
  }
}

/** The larger of two sizes in everything. */
function largerOf(a: MachineSpec, b: MachineSpec): Pick<MachineSpec, "cpu" | "memoryMib" | "disks"> {
  return {
    cpu: Math.max(a.cpu, b.cpu),
    memoryMib: Math.max(a.memoryMib, b.memoryMib),
    disks: a.disks.length > b.disks.length ? a.disks : b.disks,
  };
}
