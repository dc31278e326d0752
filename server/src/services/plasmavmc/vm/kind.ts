// Virtual machines. Their ports are theirs from the transaction that accepts them, and free again in the one that removes them.
import type { Message } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { PowerState, type Vm, VmSchema, type VmSpec, VmState } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { Fault, invalidField } from "../../../fault.ts";
import { type Admission, defineKind } from "../../kind.ts";
import { checkBootOrder } from "./boot-order.ts";
import { admitDisks } from "./disks.ts";
import { explainPlacement, foreseePlace } from "./explain.ts";
import { impactOf } from "./impact.ts";
import { admitInterfaces, freePorts } from "./interfaces.ts";
import { vmReconciler } from "./kind.steps.ts";
import { admitMachineType } from "./machine-type.ts";
import { cancelVmMove, migrateVm } from "./migrate.ts";
import { admitPlace } from "./place-rules.ts";
import { rebootVm } from "./reboot.ts";
import { resetVm } from "./reset.ts";
import { restoreVm } from "./restore.ts";
import { admitSize } from "./size.ts";
import { admitSource } from "./source.ts";
import { getVmStatistics } from "./statistics.ts";

async function admitSpec(admission: Admission, spec: VmSpec, prior: VmSpec | undefined): Promise<void> {
  if (prior === undefined) admitMachineType(admission, spec);
  await admitSize(admission, spec, prior);
  admitDisks(spec, prior, prior === undefined ? await admitSource(admission, spec) : undefined);
}

/** @throws Fault PROTECTED */
function refuseProtected({ id, deletionProtection }: Vm, wish: string): void {
  if (deletionProtection !== true) return;
  const message = `vm ${id} can't be ${wish} while its deletion_protection is set; set it to false first`;
  const violations = [{ path: "deletion_protection", rule: "protected", message }];
  throw new Fault("PROTECTED", message, { violations });
}

/** Asked for by name, a machine that ended by itself is started again at once, whatever its restart policy says. */
async function start(vm: Vm, _: Message, { now }: Admission): Promise<void> {
  vm.powerState = PowerState.RUNNING;
  if (vm.state !== VmState.STOPPED && vm.state !== VmState.FAILED) return;
  Object.assign(vm, { restartTime: timestampFromMs(now), restarts: 0, stateReason: "" });
}

async function stop(vm: Vm): Promise<void> {
  vm.powerState = PowerState.STOPPED;
}

export const vmKind = defineKind({
  schema: VmSchema,
  async admit(admission, next, prior) {
    if (next.spec === undefined)
      throw invalidField("spec", "required", "it is missing; say what the machine is made of");
    if (next.powerState === undefined || next.powerState === PowerState.UNSPECIFIED)
      next.powerState = PowerState.RUNNING;
    next.deletionProtection ??= false;
    await admitSpec(admission, next.spec, prior?.message.spec);
    await admitInterfaces(admission, next, prior?.message);
    checkBootOrder(next.spec);
    await admitPlace(admission, next, prior?.message);
  },
  async admitDelete(_, { message }) {
    refuseProtected(message, "deleted");
  },
  admitReplace: (prior) => refuseProtected(prior, "replaced"),
  released: (admission, { message }) => freePorts(admission, message),
  impact: impactOf,
  foresee: foreseePlace,
  methods: {
    StartVm: { update: start },
    StopVm: { update: stop },
    ResetVm: resetVm,
    RebootVm: rebootVm,
    RestoreVm: restoreVm,
    MigrateVm: migrateVm,
    CancelVmMove: cancelVmMove,
  },
  queries: { GetVmStatistics: getVmStatistics, ExplainPlacement: explainPlacement },
  reconciler: vmReconciler,
});
