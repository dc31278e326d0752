// What a source tells its destination of a machine, before anything is copied; and what of it the destination takes.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { DriverError } from "../../driver-error.ts";
import type { MachineSpec } from "../driver.ts";
import type { Words } from "../moving/line.ts";
import { type AddedCpu, type GrownParts, slotOfDisk, slotOfNic } from "./command-line.ts";
import type { Definition } from "./definition.ts";
import type { Host } from "./host.ts";
import type { Machine } from "./machine.ts";
import { recordsOf } from "./move-jobs.ts";
import { type HeldSnapshot, snapshotsHeld } from "./move-snapshots.ts";
import { type Qmp, recordOf } from "./qmp.ts";

/** Of a machine that runs. */
export interface RunningHello {
  /** As it runs. */
  readonly spec: MachineSpec;
  readonly room: Definition["room"];
  readonly parts: GrownParts;
  /** Base64 of its gzip. */
  readonly seed: string;
  /** Under which it runs: nothing that the processor can do may change under a guest. */
  readonly processor: string;
  /** Its snapshots, oldest first. */
  readonly snapshots: readonly HeldSnapshot[];
}

export interface Hello {
  readonly definition: Definition;
  /** The digest of the image that its root disk stands on. */
  readonly image?: string;
  /** Undefined: it is stopped. */
  readonly running?: RunningHello;
}

const bytesInMib = 1024 ** 2;

/** Tells processors apart, as far as a guest may have to do with them. */
export function processorOf({ accelerator, program }: Host, cpuModel: string): string {
  const own = accelerator.name === "kvm" && ["max", "host"].includes(cpuModel);
  if (!own) return `${program} ${accelerator.name}`;
  const words = readFileSync("/proc/cpuinfo", "utf8").match(/^(model name|flags)\s*:.*$/gm) ?? [];
  const digest = createHash("sha256").update(words.slice(0, 2).join("\n")).digest("hex").slice(0, 16);
  return `${program} kvm ${digest}`;
}

/** @throws DriverError "refused" while it has a device that no definition knows. */
export async function helloOf(host: Host, machine: Machine, image: string | undefined): Promise<Words> {
  const { definition, power } = machine;
  const running = power && {
    spec: known(definition, power.running.spec),
    room: power.running.room,
    parts: await partsOf(power.monitor),
    seed: gzipSync(readFileSync(machine.files.seed)).toString("base64"),
    processor: processorOf(host, definition.cpuModel),
    snapshots: snapshotsHeld(machine.files, power.running.spec.disks),
  };
  return { definition, ...(image !== undefined && { image }), ...(running !== undefined && { running }) };
}

function known({ slots }: Definition, spec: MachineSpec): MachineSpec {
  const unknown = [...spec.disks.map(slotOfDisk), ...spec.nics.map(slotOfNic)].find((key) => slots[key] === undefined);
  if (unknown === undefined) return spec;
  throw new DriverError("refused", `the guest of vm ${spec.vmId} has not let go of ${unknown} yet: restart it`);
}

async function partsOf(monitor: Qmp): Promise<GrownParts> {
  const places = recordsOf(await monitor.execute("query-hotpluggable-cpus"));
  const taken = places.filter((place) => place["qom-path"] !== undefined);
  const cpus = taken.flatMap(addedCpu);
  const base = Number(recordOf(await monitor.execute("query-memory-size-summary"))?.["base-memory"]);
  const dimms = recordsOf(await monitor.execute("query-memory-devices")).map(({ data }) => recordOf(data) ?? {});
  const memory = dimms.map(({ id, size, slot, addr }) => ({
    id: String(id),
    sizeMib: Number(size) / bytesInMib,
    slot: Number(slot),
    address: Number(addr),
  }));
  return { baseCpu: taken.length - cpus.length, cpus, baseMib: base / bytesInMib, memory };
}

/** Devices that were added have a name; those of the start have none. */
function addedCpu({ type, props, "qom-path": path }: Record<string, unknown>): AddedCpu[] {
  const id = /^\/machine\/peripheral\/(.+)$/.exec(String(path))?.[1];
  if (id === undefined) return [];
  const place = Object.entries(recordOf(props) ?? {}).map(([name, at]) => [name, Number(at)] as const);
  return [{ id, driver: String(type), place: Object.fromEntries(place) }];
}

export function seedOf({ seed }: RunningHello): Buffer {
  return gunzipSync(Buffer.from(seed, "base64"));
}

/** A word that can't be more than one of QEMU's arguments. */
const plain = /^\w[\w.-]*$/;

/**
 * The other end is this very driver on another host, let in by its certificate. What it says of the tenant's things must be what the cloud says.
 *
 * @throws DriverError "refused"
 */
export function checkedHello(words: Words, offered: MachineSpec, host: Host): Hello {
  const refuse = (why: string): never => {
    throw new DriverError("refused", `vm ${offered.vmId} can't be taken over: ${why}`);
  };
  if (!isHello(words)) return refuse("its host tells too little of it");
  const { definition, running } = words;
  const { machineType, cpuModel, spec } = definition;
  if (spec.vmId !== offered.vmId || spec.owner !== offered.owner) return refuse("it is another machine");
  if (definition.imageId !== undefined && definition.imageId !== offered.imageId) return refuse("its image is another");
  if (
    ![machineType, cpuModel, definition.uuid, ...(running?.parts.memory.map(({ id }) => id) ?? [])].every((one) =>
      plain.test(one),
    )
  )
    return refuse("its machine type or processor has no plain name");
  for (const one of [spec, ...(running === undefined ? [] : [running.spec])])
    if (devicesOf(one) !== devicesOf(offered)) return refuse("its disks or NICs are not those that it should have");
  if (running !== undefined && running.processor !== processorOf(host, cpuModel))
    return refuse(
      `this host has another processor (${processorOf(host, cpuModel)}) than its own (${running.processor})`,
    );
  if (
    running?.snapshots.some(({ id, disks }) => !plain.test(id) || !disks.every((disk) => hasDisk(running.spec, disk)))
  )
    return refuse("its snapshots are not of its disks");
  return words;
}

function hasDisk({ disks }: MachineSpec, id: unknown): boolean {
  return disks.some((disk) => disk.id === id);
}

function devicesOf({ disks, nics }: MachineSpec): string {
  const all = [
    ...disks.map(({ id }) => id),
    ...nics.map(({ id, portId, macAddress }) => `${id} ${portId} ${macAddress}`),
  ];
  return JSON.stringify(all.sort());
}

function isHello(words: Words | Hello): words is Hello {
  const definition = recordOf(words.definition);
  const running = recordOf(words.running);
  const isSpec = (value: unknown) => Array.isArray(recordOf(value)?.disks) && Array.isArray(recordOf(value)?.nics);
  return (
    isSpec(definition?.spec) &&
    [definition?.machineType, definition?.cpuModel, definition?.uuid].every((one) => typeof one === "string") &&
    (running === undefined ||
      (isSpec(running.spec) &&
        Array.isArray(recordOf(running.parts)?.memory) &&
        Array.isArray(recordOf(running.parts)?.cpus) &&
        isSnapshots(running.snapshots) &&
        typeof running.seed === "string"))
  );
}

function isSnapshots(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every((one: unknown) => typeof recordOf(one)?.id === "string" && Array.isArray(recordOf(one)?.disks))
  );
}
