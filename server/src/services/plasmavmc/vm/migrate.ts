// MigrateVm and CancelVmMove: what is asked of a machine's place. It is carried out by a step of its own.
import { create, isMessage } from "@bufbuild/protobuf";
import { HostSchema } from "@photoncloud/proto/gen/plasmavmc/v1/host_pb";
import {
  MigrateVmRequestSchema,
  type Vm,
  VmMoveOrderSchema,
  VmMovePhase,
  VmSchema,
} from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { Fault, invalidField } from "../../../fault.ts";
import { formatPath } from "../../call.ts";
import type { Admission, CustomMethod } from "../../kind.ts";
import { copyUnderWay } from "./placement/copying.ts";
import { isOrdered, nextOrder } from "./placement/moving.ts";
import { isMoving } from "./placement/views.ts";

const system = { org: "", project: "" };

/** @throws Fault WRONG_STATE where it can't be moved now, PERMISSION_DENIED and INVALID_FIELDS about the host that is named. */
export const migrateVm: CustomMethod<typeof VmSchema> = {
  async update(vm, request, admission) {
    if (!isMessage(request, MigrateVmRequestSchema)) throw new Error("MigrateVm was given another request");
    const { hostId, stop } = request;
    checkMovable(vm);
    if (hostId !== "") await checkHost(admission, vm, hostId);
    await checkCopies(admission, vm);
    vm.moveOrder = create(VmMoveOrderSchema, { number: nextOrder(vm), hostId, stop });
  },
};

function checkMovable(vm: Vm): void {
  if (vm.hostId === "") throw new Fault("WRONG_STATE", `vm ${vm.id} is on no host yet, so that it can't be moved`);
  if (isMoving(vm) || isOrdered(vm))
    throw new Fault(
      "WRONG_STATE",
      `vm ${vm.id} is being moved already; wait until it is, or take that back with CancelVmMove`,
    );
}

/** Who may move a machine does not therefore learn which hosts there are. */
async function checkHost(admission: Admission, vm: Vm, hostId: string): Promise<void> {
  const permission = "compute:hosts:place";
  if (!((await admission.caller.may?.(permission, { ...system, type: "host", id: hostId })) ?? true))
    throw new Fault(
      "PERMISSION_DENIED",
      `to name a host takes the permission ${permission}; leave out host_id, and one is chosen`,
      {
        permission,
      },
    );
  if ((await admission.elsewhere(system).get(HostSchema, hostId)) === undefined)
    throw invalidField(
      "host_id",
      "unknown_reference",
      `there is no host ${JSON.stringify(hostId)}; name another or leave it out`,
    );
  if (vm.hostId === hostId) throw invalidField("host_id", "conflict", `vm ${vm.id} is on host ${hostId} already`);
}

async function checkCopies(admission: Admission, vm: Vm): Promise<void> {
  const copy = await copyUnderWay(
    {
      users: (schema, id) => admission.users(schema, id),
      vm: async (id) => (await admission.get(VmSchema, id))?.message,
    },
    vm,
  );
  if (copy === undefined) return;
  const resources = [formatPath({ ...admission.tenant, type: "vm", id: copy.vmId })];
  throw new Fault("WRONG_STATE", `vm ${vm.id} can't be moved now: ${copy.words}`, { resources });
}

/** What is done already is not undone. */
export const cancelVmMove: CustomMethod<typeof VmSchema> = {
  async update(vm) {
    const { moveOrder, move } = vm;
    if (moveOrder === undefined || !(isMoving(vm) || isOrdered(vm)))
      throw new Fault("WRONG_STATE", `vm ${vm.id} is not being moved`);
    if (move?.phase === VmMovePhase.SETTLING)
      throw new Fault(
        "WRONG_STATE",
        `vm ${vm.id} has come to host ${move.targetHostId} already; move it back with MigrateVm`,
      );
    moveOrder.cancelled = true;
  },
};
