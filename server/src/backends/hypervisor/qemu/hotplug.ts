// Changes a running machine as far as it can be changed: it and its disks grow; disks and NICs come and go.
import { rmSync } from "node:fs";
import type { DiskSpec, MachineSpec, NicSpec } from "../driver.ts";
import {
  bootPlaces,
  diskDevice,
  diskName,
  diskNode,
  nicBackend,
  nicDevice,
  nicName,
  slotOfDisk,
  slotOfNic,
} from "./command-line.ts";
import { ensureDisk } from "./disks.ts";
import type { MachineFiles } from "./layout.ts";
import { type Qmp, QmpError, type QmpEvent } from "./qmp.ts";
import { growSize, type Room } from "./room.ts";
import { type Taps, tapOf } from "./taps.ts";

/** What a change is made with. */
export interface Bench {
  readonly monitor: Qmp;
  readonly files: MachineFiles;
  readonly slots: ReadonlyMap<string, number>;
  readonly taps: Taps | undefined;
  readonly uid: number | undefined;
  readonly room: Room;
  /** Gives a file to the machine's user. */
  own(file: string): void;
  readonly events: Set<(event: QmpEvent) => void>;
}

/** The place of a device that is not tried. */
const nowhere = -1;
const gib = 1024 ** 3;
/** How long a guest may take to let a device go, in milliseconds; one that has not booted never does. */
const letGoMs = 3_000;

/** Answers what the running machine is made of now: where the guest did not let a device go, that is still there. */
export async function change(
  bench: Bench,
  from: MachineSpec,
  to: MachineSpec,
  signal: AbortSignal,
): Promise<MachineSpec> {
  const disks = await changeDisks(bench, from.disks, to.disks, signal);
  const nics = await changeNics(bench, from, to, signal);
  const size = await growSize(bench.monitor, bench.room, from, to);
  const now = { ...to, ...size, disks, nics };
  await orderBoot(bench, now);
  return now;
}

/** For the next time that the guest boots. Two devices never have the same place, not for a moment. */
async function orderBoot({ monitor }: Bench, spec: MachineSpec): Promise<void> {
  const places = bootPlaces(spec);
  const set = (name: string, value: number) =>
    monitor.execute("qom-set", { path: `/machine/peripheral/${name}`, property: "bootindex", value });
  for (const name of [...spec.disks.map(diskName), ...spec.nics.map(nicName)]) await set(name, nowhere);
  for (const [name, place] of places) await set(name, place);
}

async function changeDisks(
  bench: Bench,
  from: readonly DiskSpec[],
  to: readonly DiskSpec[],
  signal: AbortSignal,
): Promise<DiskSpec[]> {
  const now: DiskSpec[] = [];
  for (const disk of from) {
    const wanted = to.find(({ id }) => id === disk.id);
    if (wanted !== undefined) now.push(await grow(bench, disk, wanted));
    else if (!(await removeDisk(bench, disk))) now.push(disk);
  }
  for (const disk of to.filter(({ id }) => !from.some((one) => one.id === id))) {
    await addDisk(bench, disk, signal);
    now.push(disk);
  }
  return now;
}

async function grow({ monitor }: Bench, disk: DiskSpec, wanted: DiskSpec): Promise<DiskSpec> {
  if (wanted.sizeGib > disk.sizeGib)
    await monitor.execute("block_resize", { "node-name": `disk-${disk.id}`, size: wanted.sizeGib * gib });
  return wanted;
}

async function addDisk({ monitor, files, slots, own }: Bench, disk: DiskSpec, signal: AbortSignal): Promise<void> {
  await ensureDisk(files.disk(disk.id), disk, signal);
  own(files.disk(disk.id));
  const node = { "node-name": `disk-${disk.id}` };
  // One may be left of a change that was cut short.
  await monitor.execute("blockdev-del", node).catch(() => {});
  await monitor.execute("blockdev-add", diskNode(files, disk));
  try {
    await monitor.execute("device_add", diskDevice(disk, slots.get(slotOfDisk(disk)) ?? 0));
  } catch (error) {
    await monitor.execute("blockdev-del", node).catch(() => {});
    throw error;
  }
}

async function removeDisk(bench: Bench, disk: DiskSpec): Promise<boolean> {
  if (!(await letGo(bench, diskName(disk)))) return false;
  await bench.monitor.execute("blockdev-del", { "node-name": `disk-${disk.id}` });
  rmSync(bench.files.disk(disk.id), { force: true });
  return true;
}

async function changeNics(bench: Bench, from: MachineSpec, to: MachineSpec, signal: AbortSignal): Promise<NicSpec[]> {
  const same = (a: NicSpec, b: NicSpec) => a.id === b.id && a.portId === b.portId && a.macAddress === b.macAddress;
  const now: NicSpec[] = [];
  for (const nic of from.nics)
    if (to.nics.some((one) => same(one, nic)) || !(await removeNic(bench, from, nic, signal))) now.push(nic);
  for (const nic of to.nics.filter(({ id }) => !now.some((one) => one.id === id))) {
    await addNic(bench, to, nic, signal);
    now.push(nic);
  }
  return now;
}

async function addNic({ monitor, slots, taps, uid }: Bench, spec: MachineSpec, nic: NicSpec, signal: AbortSignal) {
  const tap = tapOf(spec, nic);
  // One may be left of a change that was cut short.
  await monitor.execute("netdev_del", { id: `net-${nic.id}` }).catch(() => {});
  try {
    await taps?.make(tap, nic, uid, signal);
    await monitor.execute("netdev_add", nicBackend(nic, tap));
    await monitor.execute("device_add", nicDevice(nic, slots.get(slotOfNic(nic)) ?? 0));
  } catch (error) {
    await monitor.execute("netdev_del", { id: `net-${nic.id}` }).catch(() => {});
    await taps?.remove(tap, new AbortController().signal).catch(() => {});
    throw error;
  }
}

async function removeNic(bench: Bench, spec: MachineSpec, nic: NicSpec, signal: AbortSignal): Promise<boolean> {
  if (!(await letGo(bench, nicName(nic)))) return false;
  await bench.monitor.execute("netdev_del", { id: `net-${nic.id}` });
  await bench.taps?.remove(tapOf(spec, nic), signal);
  return true;
}

/** Asks the guest to let a device go. False: it did not, and the device stays until the machine is restarted. */
async function letGo({ monitor, events }: Bench, device: string): Promise<boolean> {
  const gone = Promise.withResolvers<boolean>();
  // QEMU tells twice: first of the device's inner part, which has no name.
  const listener = ({ event, data }: QmpEvent) => {
    if (event === "DEVICE_DELETED" && data.device === device) gone.resolve(true);
  };
  events.add(listener);
  const late = setTimeout(() => gone.resolve(false), letGoMs);
  try {
    await monitor.execute("device_del", { id: device });
    return await gone.promise;
  } catch (error) {
    if (error instanceof QmpError && error.reason === "DeviceNotFound") return true;
    throw error;
  } finally {
    clearTimeout(late);
    events.delete(listener);
  }
}
