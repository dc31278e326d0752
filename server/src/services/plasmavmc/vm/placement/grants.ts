// What of a machine's size its host has room for. A machine that should grow where there is none goes on with what it has, so that all else that is asked
// of it is done meanwhile.
import type { MachineSpec } from "../../../../backends/hypervisor/driver.ts";
import type { Granted } from "../../../../backends/hypervisor/places.ts";
import type { HostView, Size } from "./choose.ts";

type Stake = Size & { readonly disks: Readonly<Record<string, number>> };
type Sized = Pick<MachineSpec, "cpu" | "memoryMib" | "disks">;

/** What becomes smaller does so; what becomes larger does where there is room for it, and otherwise stays as it was. */
export function grant(asked: Stake, before: Size & Granted, { capacity, promised }: HostView): Size & Granted {
  const fits = (part: keyof Size) => {
    const more = asked[part] - before[part];
    return more <= 0 || promised[part] + more <= capacity[part];
  };
  const disks = fits("diskGib") ? asked.disks : kept(asked.disks, before.disks ?? asked.disks);
  return {
    cpu: fits("cpu") ? asked.cpu : before.cpu,
    memoryMib: fits("memoryMib") ? asked.memoryMib : before.memoryMib,
    diskGib: Object.values(disks).reduce((sum, sizeGib) => sum + sizeGib, 0),
    disks,
  };
}

/** The disks that were there, as large as they were. */
function kept(asked: Stake["disks"], before: Stake["disks"]): Stake["disks"] {
  const known = Object.entries(asked).filter(([id]) => before[id] !== undefined);
  return Object.fromEntries(known.map(([id, sizeGib]) => [id, Math.min(sizeGib, before[id] ?? sizeGib)]));
}

/** Whether a machine has all that it asks for, and no more. */
export function isAsAsked({ cpu, memoryMib, disks }: Sized, granted: Granted): boolean {
  if (granted.disks === undefined || granted.cpu !== cpu || granted.memoryMib !== memoryMib) return false;
  const same = disks.every(({ id, sizeGib }) => granted.disks?.[id] === sizeGib);
  return same && Object.keys(granted.disks).length === disks.length;
}

/** A machine as its host can have it now. */
export function asGranted<Spec extends Sized>(spec: Spec, granted: Granted | undefined): Spec {
  if (granted === undefined) return spec;
  const { cpu, memoryMib, disks: given } = granted;
  const disks = spec.disks.flatMap((disk) => {
    const sizeGib = given === undefined ? disk.sizeGib : given[disk.id];
    return sizeGib === undefined ? [] : [{ ...disk, sizeGib }];
  });
  return { ...spec, cpu, memoryMib, disks };
}

/** What a machine asks for and does not have: "2 virtual CPUs, 512 MiB of memory". "": nothing. */
export function lackOf({ cpu, memoryMib, disks }: Sized, granted: Granted): string {
  const diskGib = disks.reduce((sum, { id, sizeGib }) => sum + sizeGib - (granted.disks?.[id] ?? 0), 0);
  const parts: readonly (readonly [number, string])[] = [
    [cpu - granted.cpu, "more virtual CPUs"],
    [memoryMib - granted.memoryMib, "more MiB of memory"],
    [granted.disks === undefined ? 0 : diskGib, "more GiB of disk"],
  ];
  const lacking = parts.filter(([more]) => more > 0);
  return lacking.map(([more, what]) => `${more} ${what}`).join(", ");
}
