// Copies of snapshots that are under way. A machine that is copied from stays where it is until the copy is made, and so does the copy.
import type { DescMessage } from "@bufbuild/protobuf";
import { type Vm, VmSchema, VmState } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { VmSnapshotSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_snapshot_pb";
import { DriverError } from "../../../../backends/driver-error.ts";
import type { MachineSpec } from "../../../../backends/hypervisor/driver.ts";
import type { ResourceKey } from "../../../../store/store.ts";
import { type Session, tenantOf } from "./session.ts";
import { isMoving } from "./views.ts";

/** More snapshots than one machine has, and more copies than one snapshot has. */
const mostUsers = 10_000;

/** What is read of a machine's tenant, by whoever may. */
export interface Related {
  users(schema: DescMessage, id: string): Promise<readonly ResourceKey[]>;
  vm(id: string): Promise<Vm | undefined>;
}

/** A copy that keeps a machine where it is. */
export interface CopyUnderWay {
  /** Goes on from "vm vm-1: ". */
  readonly words: string;
  /** The machine that is being made. */
  readonly vmId: string;
}

/** What a machine must wait for before it is moved. Undefined: nothing. */
export async function copyUnderWay(related: Related, vm: Vm): Promise<CopyUnderWay | undefined> {
  if (isBeingCopied(vm) && vm.state !== VmState.UNKNOWN) {
    const words = `its disks are being copied from snapshot ${vm.spec?.sourceSnapshotId}; move it when it is made`;
    return { words, vmId: vm.id };
  }
  for (const snapshotId of await usersOf(related, vm.id, VmSchema, VmSnapshotSchema))
    for (const id of await usersOf(related, snapshotId, VmSnapshotSchema, VmSchema)) {
      const copy = await related.vm(id);
      if (copy === undefined || copy.hostId !== vm.hostId || !isBeingCopied(copy)) continue;
      return { words: `vm ${id} is being copied from its snapshot ${snapshotId}; move it when that is made`, vmId: id };
    }
  return undefined;
}

async function usersOf(related: Related, id: string, of: DescMessage, by: DescMessage): Promise<readonly string[]> {
  const users = await related.users(of, id);
  return users.filter(({ kind }) => kind === by.typeName).map((user) => user.id);
}

const made: ReadonlySet<VmState> = new Set([
  ...[VmState.STOPPED, VmState.STARTING, VmState.RUNNING, VmState.STOPPING],
  VmState.FAILED,
]);

/** Whether a machine has its place and may lack its disks: of one whose host was lost sight of meanwhile nobody knows. */
function isBeingCopied({ spec, hostId, startTime, state }: Vm): boolean {
  return spec?.sourceSnapshotId !== undefined && hostId !== "" && startTime === undefined && !made.has(state);
}

/** Of the machines that a session sees. */
export function relatedIn(session: Session, owner: string): Related {
  const tenant = tenantOf(owner);
  return {
    users: ({ typeName }, id) => session.tx.referrers({ tenant, kind: typeName, id }, mostUsers),
    vm: (vmId) => session.vm({ vmId, owner }),
  };
}

/** What keeps a copy from being given a place: its source goes elsewhere, and its snapshots with it. */
export async function sourceLeaves(
  session: Session,
  { vmId, owner, copyOf }: Pick<MachineSpec, "vmId" | "owner" | "copyOf">,
): Promise<DriverError | undefined> {
  const source = copyOf && (await session.vm({ vmId: copyOf.vmId, owner }));
  if (source === undefined || !isMoving(source)) return undefined;
  const message = `vm ${source.id}, whose snapshot vm ${vmId} is copied from, is being moved to another host; vm ${vmId} is made after that`;
  return new DriverError("unavailable", message, { status: "SnapshotMoves" });
}
