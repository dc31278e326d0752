// Virtual machines. Their ports are theirs from the transaction that accepts them, and free again in the one that removes them.
import { ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import { PowerState, type Vm, VmSchema, type VmSpec } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { invalidField } from "../../../fault.ts";
import { type Admission, defineKind } from "../../kind.ts";
import { admitDisks, losesDisk } from "./disks.ts";
import { admitInterfaces, freePorts } from "./interfaces.ts";
import { vmReconciler } from "./kind.steps.ts";

/** What a machine has where nothing else is asked for; told in vm.proto. */
const defaults = { cpu: 1, memory: 512 } as const;

async function admitSpec(admission: Admission, spec: VmSpec, prior: VmSpec | undefined): Promise<void> {
  spec.cpu ??= defaults.cpu;
  spec.memory ??= defaults.memory;
  const image = spec.imageId === undefined ? undefined : await admission.get(ImageSchema, spec.imageId);
  if (prior === undefined && spec.imageId !== undefined)
    await admission.reference(ImageSchema, spec.imageId, "spec.image_id");
  admitDisks(spec, prior, image?.message);
}

const setPower = (powerState: PowerState) => ({
  update: async (vm: Vm) => {
    vm.powerState = powerState;
  },
});

/** Runs, or should. */
function isOn({ powerState }: Vm): boolean {
  return powerState !== PowerState.STOPPED;
}

function impactOf(path: string, prior: Vm, next: Vm): "hot" | "restart" | "data_loss" {
  if (path.startsWith("spec.disks") && losesDisk(prior.spec, next.spec)) return "data_loss";
  const restarts = path === "spec.cpu" || path === "spec.memory";
  return restarts && isOn(prior) && isOn(next) ? "restart" : "hot";
}

export const vmKind = defineKind({
  schema: VmSchema,
  async admit(admission, next, prior) {
    if (next.spec === undefined)
      throw invalidField("spec", "required", "it is missing; say what the machine is made of");
    if (next.powerState === undefined || next.powerState === PowerState.UNSPECIFIED)
      next.powerState = PowerState.RUNNING;
    await admitSpec(admission, next.spec, prior?.message.spec);
    await admitInterfaces(admission, next, prior?.message);
  },
  released: (admission, { message }) => freePorts(admission, message),
  impact: impactOf,
  methods: { StartVm: setPower(PowerState.RUNNING), StopVm: setPower(PowerState.STOPPED) },
  reconciler: vmReconciler,
});
