// A machine's QEMU command line. Everything that a tenant chose is a number or is checked; free words only name things.
import type { DiskSpec, MachineSpec, NicSpec } from "../driver.ts";
import type { Accelerator } from "./accelerator.ts";
import type { MachineFiles } from "./layout.ts";
import { memoryBackendOf, memorySlots, type Room } from "./room.ts";
import { tapOf } from "./taps.ts";

/** A processor that was added to a running machine. */
export interface AddedCpu {
  readonly id: string;
  /** QEMU's name of the device. */
  readonly driver: string;
  /** Where it sits: "core-id" and the like. */
  readonly place: Readonly<Record<string, number>>;
}

export interface AddedMemory {
  readonly id: string;
  readonly sizeMib: number;
  readonly slot: number;
  readonly address: number;
}

/** What a machine was started with, and what it has grown by while it ran, part by part as its guest sees it. */
export interface GrownParts {
  readonly baseCpu: number;
  readonly cpus: readonly AddedCpu[];
  readonly baseMib: number;
  readonly memory: readonly AddedMemory[];
}

/** What a machine is started with. */
export interface Launch {
  readonly spec: MachineSpec;
  readonly files: MachineFiles;
  /** Names a disk's or NIC's place on the bus: "disk:root" → 1. A device keeps its place as long as it is there. */
  readonly slots: ReadonlyMap<string, number>;
  readonly accelerator: Accelerator;
  readonly machineType: string;
  readonly cpuModel: string;
  readonly room: Room;
  readonly uuid: string;
  /** It comes from another host, where it has these parts. */
  readonly incoming?: GrownParts;
}

/** Places on the bus: 16 disks, 8 NICs, the seed, and room to spare; four groups of eight, as PCI has it. */
export const slotCount = 32;

export const slotOfDisk = ({ id }: Pick<DiskSpec, "id">): string => `disk:${id}`;
export const slotOfNic = ({ id }: Pick<NicSpec, "id">): string => `nic:${id}`;
/** The last, so that the root disk is the first that the guest sees. */
export const seedSlot = slotCount - 1;

/** Under TCG: how much memory translated code may take, in MiB; QEMU's own default is an eighth of the host's. */
const translationMib = 64;

/** An argument that no other process of this system has, not even the same machine's on another host of it. */
export function ownWord({ vnc }: Pick<MachineFiles, "vnc">): string {
  return `unix:${vnc},share=force-shared`;
}

/**
 * QEMU's arguments. It loads itself, opens none of its files before somebody is connected to its monitor (`wait=on`), starts stopped and waits for
 * `cont`.
 */
export function commandLine(launch: Launch): readonly string[] {
  const { spec, files, uuid } = launch;
  return [
    ...["-S", "-name", `guest=${spec.vmId},process=vm:${spec.vmId}`, "-uuid", uuid],
    // Older versions of cloud-init believe the number only where it is the serial number, too.
    ...["-smbios", `type=1,manufacturer=PhotonCloud,product=Virtual Machine,serial=${uuid}`],
    ...["-no-user-config", "-nodefaults", "-display", "none"],
    ...processor(launch),
    ...["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"],
    ...["-chardev", `socket,id=mon,path=${files.monitor},server=on,wait=on`, "-mon", "chardev=mon,mode=control"],
    ...["-chardev", `socket,id=con,path=${files.console},server=on,wait=off,logfile=${files.consoleLog},logappend=on`],
    ...["-serial", "chardev:con", "-vga", "std", "-vnc", ownWord(files)],
    ...["-object", "rng-random,id=rng0,filename=/dev/urandom"],
    ...rootPorts(),
    ...["-device", "virtio-rng-pci,rng=rng0", "-device", "virtio-balloon-pci,id=balloon"],
    ...agent(files),
    ...seed(files),
    ...spec.disks.flatMap((disk) => diskArguments(launch, disk)),
    ...spec.nics.flatMap((nic) => nicArguments(launch, nic)),
    ...comesFromElsewhere(launch.incoming),
  ];
}

function processor({ spec, accelerator, machineType, cpuModel, room, incoming }: Launch): string[] {
  const [cpu, memoryMib] = [incoming?.baseCpu ?? spec.cpu, incoming?.baseMib ?? spec.memoryMib];
  const accel = accelerator.name === "kvm" ? "kvm" : `tcg,tb-size=${translationMib}`;
  return [
    ...["-machine", `${machineType},usb=off,vmport=off`, "-accel", accel, "-cpu", cpuModel],
    ...["-smp", `cpus=${cpu},maxcpus=${room.cpu},sockets=1,cores=${room.cpu},threads=1`],
    ...["-m", `size=${memoryMib}M${memoryRoom(memoryMib, room)}`],
  ];
}

function memoryRoom(memoryMib: number, room: Room): string {
  return room.memoryMib > memoryMib ? `,slots=${memorySlots},maxmem=${room.memoryMib}M` : "";
}

/** Where each part lies is a part of what the guest's kernel knows. */
function comesFromElsewhere(incoming: GrownParts | undefined): string[] {
  if (incoming === undefined) return [];
  const cpus = incoming.cpus.map(({ id, driver, place }) => ({ driver, id, ...place }));
  const memory = incoming.memory.flatMap(({ id, sizeMib, slot, address }) => [
    ...["-object", `memory-backend-ram,id=${memoryBackendOf(id)},size=${sizeMib}M`],
    ...["-device", `pc-dimm,id=${id},memdev=${memoryBackendOf(id)},slot=${slot},addr=${address}`],
  ]);
  return [...cpus.flatMap((cpu) => ["-device", JSON.stringify(cpu)]), ...memory, "-incoming", "defer"];
}

function rootPorts(): string[] {
  return Array.from({ length: slotCount }, (_, i) => {
    const [device, fn] = [4 + Math.floor(i / 8), i % 8];
    const address = `addr=0x${device.toString(16)}.${fn}${fn === 0 ? ",multifunction=on" : ""}`;
    return ["-device", `pcie-root-port,id=rp${i},bus=pcie.0,${address},chassis=${i + 1}`];
  }).flat();
}

function agent(files: MachineFiles): string[] {
  const port = "virtserialport,bus=serial.0,chardev=qga,id=agent,name=org.qemu.guest_agent.0";
  return [
    ...["-device", "virtio-serial-pci,id=serial", "-device", port],
    ...["-chardev", `socket,id=qga,path=${files.agent},server=on,wait=off`],
  ];
}

function seed(files: MachineFiles): string[] {
  const file = { driver: "file", filename: files.seed };
  const node = { driver: "raw", "node-name": "seed", "read-only": true, file };
  const device = { driver: "virtio-blk-pci", id: "seed", drive: "seed", bus: `rp${seedSlot}`, serial: "seed" };
  return ["-blockdev", JSON.stringify(node), "-device", JSON.stringify(device)];
}

/** Devices' names in QEMU. */
export const diskName = ({ id }: Pick<DiskSpec, "id">): string => `dev-${id}`;
export const nicName = ({ id }: Pick<NicSpec, "id">): string => `nic-${id}`;

/** In which place a device is tried at the start, from 1 on, by QEMU's names; others are not tried. */
export function bootPlaces({ disks, nics, bootOrder }: MachineSpec): ReadonlyMap<string, number> {
  const named = new Map([
    ...nics.map((nic) => [nic.id, nicName(nic)] as const),
    ...disks.map((disk) => [disk.id, diskName(disk)] as const),
  ]);
  const order = (bootOrder ?? disks.map(({ id }) => id)).flatMap((id) => named.get(id) ?? []);
  return new Map([...new Set(order)].map((name, i) => [name, i + 1]));
}

function bootIndex(place: number | undefined): object {
  return place === undefined ? {} : { bootindex: place };
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
    id: diskName(disk),
    drive: `disk-${disk.id}`,
    bus: `rp${slot}`,
    serial: disk.id.slice(0, 20),
  };
}

function diskArguments({ spec, files, slots }: Launch, disk: DiskSpec): string[] {
  const device = {
    ...diskDevice(disk, slotOf(slots, slotOfDisk(disk))),
    ...bootIndex(bootPlaces(spec).get(diskName(disk))),
  };
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
    id: nicName(nic),
    netdev: `net-${nic.id}`,
    mac: nic.macAddress,
    bus: `rp${slot}`,
    csum: false,
  };
}

function nicArguments({ spec, slots }: Launch, nic: NicSpec): string[] {
  const backend = nicBackend(nic, tapOf(spec, nic));
  const device = { ...nicDevice(nic, slotOf(slots, slotOfNic(nic))), ...bootIndex(bootPlaces(spec).get(nicName(nic))) };
  return ["-netdev", JSON.stringify(backend), "-device", JSON.stringify(device)];
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
