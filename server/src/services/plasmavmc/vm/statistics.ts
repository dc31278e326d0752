// GetVmStatistics: what a machine uses, in the words of its hypervisor.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type VmSchema, VmStatisticsSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import type { MachineStatistics } from "../../../backends/hypervisor/driver.ts";
import { systemClock } from "../../../clock.ts";
import { Fault } from "../../../fault.ts";
import type { QueryMethod } from "../../kind.ts";
import { tellPlace } from "./placement.ts";

/** @throws Fault WRONG_STATE while it does not run. */
export const getVmStatistics: QueryMethod<typeof VmSchema> = {
  async answer({ id, message }, _, { drivers, signal }) {
    const there = tellPlace(drivers.hypervisor, message);
    const used = there ? await drivers.hypervisor.statistics(id, signal) : undefined;
    if (used === undefined) throw new Fault("WRONG_STATE", `vm ${id} does not run, so that it uses nothing`);
    return statisticsOf(used, systemClock.now());
  },
};

function statisticsOf({ cpuSeconds, memoryBytes, disks, nics, guest }: MachineStatistics, now: number) {
  return create(VmStatisticsSchema, {
    time: timestampFromMs(now),
    cpuSeconds,
    memoryBytes: BigInt(memoryBytes),
    disks: disks.map((disk) => ({
      id: disk.id,
      readBytes: BigInt(disk.readBytes),
      writtenBytes: BigInt(disk.writtenBytes),
      readOperations: BigInt(disk.readOperations),
      writeOperations: BigInt(disk.writeOperations),
    })),
    nics: nics.map((nic) => ({
      id: nic.id,
      receivedBytes: BigInt(nic.receivedBytes),
      sentBytes: BigInt(nic.sentBytes),
      receivedPackets: BigInt(nic.receivedPackets),
      sentPackets: BigInt(nic.sentPackets),
    })),
    guestHostname: guest?.hostname ?? "",
    guestOs: guest?.os ?? "",
  });
}
