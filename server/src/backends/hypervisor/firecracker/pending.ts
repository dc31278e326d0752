// What a running microVM takes over at once, and what waits for its next start: it has no slots into which anything could be plugged.
import type { MachineSpec, NicSpec } from "../driver.ts";
import { tapOf } from "../qemu/taps.ts";
import type { Host } from "./host.ts";
import type { Running } from "./records.ts";

/** Whether what it should be differs from what runs. */
export function needsRestart(wanted: MachineSpec, { spec, lost }: Running): boolean {
  return lost.length > 0 || shapeOf(wanted) !== shapeOf(spec);
}

function shapeOf({ cpu, memoryMib, disks, nics }: MachineSpec): string {
  const shape = {
    cpu,
    memoryMib,
    disks: disks.map(({ id, sizeGib }) => [id, sizeGib]).sort(),
    nics: nics.map(({ id, portId, macAddress }) => [id, portId, macAddress]).sort(),
  };
  return JSON.stringify(shape);
}

/** An interface that was taken away or changed hears nothing any more, at once; one that is as it was started hears again. */
export async function plugAgain(
  host: Host,
  wanted: MachineSpec,
  running: MachineSpec,
  signal: AbortSignal,
): Promise<void> {
  for (const nic of running.nics) {
    const name = tapOf(running, nic);
    if (wanted.nics.some((one) => isSame(one, nic)))
      await host.network?.host.plug({ name, portId: nic.portId }, signal);
    else await host.network?.host.unplug(name, signal);
  }
}

function isSame(one: NicSpec, other: NicSpec): boolean {
  return one.id === other.id && one.portId === other.portId && one.macAddress === other.macAddress;
}
