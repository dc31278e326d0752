// What a running machine really has, as QEMU says. What was written of it may be older: a driver can be ended between a change and its record.
import type { DiskSpec, MachineSpec, NicSpec } from "../driver.ts";
import { diskName, nicName } from "./command-line.ts";
import { type Qmp, recordOf } from "./qmp.ts";
import { sizeNow } from "./room.ts";

/** The machine as it is; `known` tells what QEMU does not know. */
export async function survey(monitor: Qmp, known: MachineSpec): Promise<MachineSpec> {
  const devices = listOf(await monitor.execute("qom-list", { path: "/machine/peripheral" })).map(({ name }) =>
    String(name),
  );
  const disks = known.disks.filter((disk) => devices.includes(diskName(disk)));
  const nics = known.nics.filter((nic) => devices.includes(nicName(nic)));
  const sizes = await sizesOf(monitor);
  const otherDisks = idsOf(devices, "dev-")
    .filter((id) => !disks.some((disk) => disk.id === id))
    .map((id): DiskSpec => ({ id, sizeGib: sizes.get(`disk-${id}`) ?? 0 }));
  // To which port such a NIC leads is not known here: it is none of the wanted ones, and gives way to them.
  const otherNics = idsOf(devices, "nic-")
    .filter((id) => !nics.some((nic) => nic.id === id))
    .map((id): NicSpec => ({ id, portId: "", macAddress: "" }));
  return { ...known, ...(await sizeNow(monitor)), disks: [...disks, ...otherDisks], nics: [...nics, ...otherNics] };
}

function idsOf(devices: readonly string[], prefix: string): string[] {
  return devices.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
}

/** In GiB, by node. */
async function sizesOf(monitor: Qmp): Promise<ReadonlyMap<string, number>> {
  const nodes = listOf(await monitor.execute("query-named-block-nodes", { flat: true }));
  return new Map(
    nodes.map((node) => [
      String(node["node-name"]),
      Math.ceil(Number(recordOf(node.image)?.["virtual-size"] ?? 0) / 1024 ** 3),
    ]),
  );
}

function listOf(answer: unknown): Record<string, unknown>[] {
  return (Array.isArray(answer) ? answer : []).map((one: unknown) => recordOf(one) ?? {});
}
