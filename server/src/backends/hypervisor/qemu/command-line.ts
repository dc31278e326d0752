// A machine's QEMU command line. Everything that a tenant chose is a number or is checked; free words only name things.
import type { DiskSpec, MachineSpec, NicSpec } from "../driver.ts";
import type { Accelerator } from "./accelerator.ts";
import type { MachineFiles } from "./layout.ts";

/** What a machine is started with. */
export interface Launch {
  readonly spec: MachineSpec;
  readonly files: MachineFiles;
  /** Names a disk's or NIC's place on the bus: "disk:root" → 1. A device keeps its place as long as it is there. */
  readonly slots: ReadonlyMap<string, number>;
  readonly accelerator: Accelerator;
  /** A versioned type ("pc-q35-7.2"): what a machine is made of must not change with QEMU. */
  readonly machineType: string;
  /** The host's devices, by NIC. */
  readonly taps: ReadonlyMap<string, string>;
  readonly uuid: string;
}

/** Places on the bus: 16 disks, 8 NICs, the seed, and room to spare; four groups of eight, as PCI has it. */
export const slotCount = 32;

export const slotOfDisk = ({ id }: Pick<DiskSpec, "id">): string => `disk:${id}`;
export const slotOfNic = ({ id }: Pick<NicSpec, "id">): string => `nic:${id}`;
/** The last, so that the root disk is the first that the guest sees. */
export const seedSlot = slotCount - 1;

/** Under TCG: how much memory translated code may take, in MiB; QEMU's own default is an eighth of the host's. */
const translationMib = 64;

/** QEMU's arguments. It starts stopped and waits for `cont`. */
export function commandLine(launch: Launch): readonly string[] {
  const { spec, files, uuid } = launch;
  return [
    ...["-S", "-name", `guest=${spec.vmId},process=vm:${spec.vmId}`, "-uuid", uuid],
    ...["-no-user-config", "-nodefaults", "-display", "none"],
    ...processor(launch),
    ...["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"],
    ...["-chardev", `socket,id=mon,path=${files.monitor},server=on,wait=off`, "-mon", "chardev=mon,mode=control"],
    ...["-chardev", `socket,id=con,path=${files.console},server=on,wait=off,logfile=${files.consoleLog},logappend=on`],
    ...["-serial", "chardev:con", "-vga", "std", "-vnc", `unix:${files.vnc}`],
    ...["-object", "rng-random,id=rng0,filename=/dev/urandom"],
    ...rootPorts(),
    ...["-device", "virtio-rng-pci,rng=rng0", "-device", "virtio-balloon-pci,id=balloon"],
    ...seed(files),
    ...spec.disks.flatMap((disk, i) => diskArguments(launch, disk, i)),
    ...spec.nics.flatMap((nic) => nicArguments(launch, nic)),
  ];
}

function processor({ spec, accelerator, machineType }: Launch): string[] {
  const accel = accelerator.name === "kvm" ? "kvm" : `tcg,tb-size=${translationMib}`;
  return [
    ...["-machine", `${machineType},usb=off,vmport=off`, "-accel", accel, "-cpu", "max"],
    ...["-smp", String(spec.cpu), "-m", `size=${spec.memoryMib}M`],
  ];
}

function rootPorts(): string[] {
  return Array.from({ length: slotCount }, (_, i) => {
    const [device, fn] = [4 + Math.floor(i / 8), i % 8];
    const address = `addr=0x${device.toString(16)}.${fn}${fn === 0 ? ",multifunction=on" : ""}`;
    return ["-device", `pcie-root-port,id=rp${i},bus=pcie.0,${address},chassis=${i + 1}`];
  }).flat();
}

function seed(files: MachineFiles): string[] {
  const file = { driver: "file", filename: files.seed };
  const node = { driver: "raw", "node-name": "seed", "read-only": true, file };
  const device = { driver: "virtio-blk-pci", id: "seed", drive: "seed", bus: `rp${seedSlot}`, serial: "seed" };
  return ["-blockdev", JSON.stringify(node), "-device", JSON.stringify(device)];
}

/** A disk's file as QEMU opens it: the format is named for it and for what it stands on. */
export function diskNode(files: MachineFiles, disk: DiskSpec): object {
  const file = { driver: "file", filename: files.disk(disk.id), discard: "unmap" };
  return { driver: "qcow2", "node-name": `disk-${disk.id}`, discard: "unmap", file };
}

/** A disk as the guest sees it. */
export function diskDevice(disk: DiskSpec, slot: number): object {
  return {
    driver: "virtio-blk-pci",
    id: `dev-${disk.id}`,
    drive: `disk-${disk.id}`,
    bus: `rp${slot}`,
    serial: disk.id.slice(0, 20),
  };
}

function diskArguments({ files, slots }: Launch, disk: DiskSpec, index: number): string[] {
  const device = { ...diskDevice(disk, slotOf(slots, slotOfDisk(disk))), bootindex: index + 1 };
  return ["-blockdev", JSON.stringify(diskNode(files, disk)), "-device", JSON.stringify(device)];
}

/** The host's end of a NIC. */
export function nicBackend(nic: NicSpec, tap: string): Readonly<Record<string, unknown>> {
  return { type: "tap", id: `net-${nic.id}`, ifname: tap, script: "no", downscript: "no" };
}

/** A NIC as the guest sees it. Checksums are left to the guest: a userspace datapath never completes them. */
export function nicDevice(nic: NicSpec, slot: number): object {
  return {
    driver: "virtio-net-pci",
    id: `nic-${nic.id}`,
    netdev: `net-${nic.id}`,
    mac: nic.macAddress,
    bus: `rp${slot}`,
    csum: false,
  };
}

function nicArguments({ slots, taps }: Launch, nic: NicSpec): string[] {
  const backend = nicBackend(nic, taps.get(nic.id) ?? "");
  return ["-netdev", JSON.stringify(backend), "-device", JSON.stringify(nicDevice(nic, slotOf(slots, slotOfNic(nic))))];
}

function slotOf(slots: ReadonlyMap<string, number>, key: string): number {
  const slot = slots.get(key);
  if (slot === undefined) throw new Error(`${key} has no place on the bus`);
  return slot;
}

/** Places for all devices; those that have one keep it. @throws Error if there are more than places. */
export function assignSlots(spec: MachineSpec, known: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const keys = [...spec.disks.map(slotOfDisk), ...spec.nics.map(slotOfNic)];
  const slots = new Map([...known].filter(([key]) => keys.includes(key)));
  const taken = new Set([seedSlot, ...slots.values()]);
  for (const key of keys.filter((one) => !slots.has(one))) {
    const free = Array.from({ length: slotCount }, (_, i) => i).find((i) => !taken.has(i));
    if (free === undefined) throw new Error(`${spec.vmId} has more devices than places on the bus`);
    slots.set(key, free);
    taken.add(free);
  }
  return slots;
}
