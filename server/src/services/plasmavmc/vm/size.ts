// How large a machine is: by a flavor, or by CPUs and memory of its own.
import { type Flavor, FlavorSchema } from "@photoncloud/proto/gen/plasmavmc/v1/flavor_pb";
import type { VmSpec } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { invalidField } from "../../../fault.ts";
import type { Admission } from "../../kind.ts";

/** What a machine has where nothing else is asked for; told in vm.proto. */
const defaults = { cpu: 1, memory: 512 } as const;

const parts = ["cpu", "memory"] as const;

/** Fills in CPUs and memory. What a flavor said stays until another flavor is named. @throws Fault INVALID_FIELDS */
export async function admitSize(admission: Admission, spec: VmSpec, prior: VmSpec | undefined): Promise<void> {
  const { flavorId } = spec;
  if (flavorId === undefined) {
    for (const part of parts) spec[part] ??= prior?.[part] ?? defaults[part];
    return;
  }
  const { message: flavor } = await admission.reference(FlavorSchema, flavorId, "spec.flavor_id");
  const taken = prior?.flavorId === flavorId;
  for (const part of parts) {
    const said = taken ? (prior[part] ?? flavor[part]) : flavor[part];
    // What was there before is no wish of the caller's.
    const given = spec[part] === prior?.[part] ? undefined : spec[part];
    if (given !== undefined && given !== said) throw bothGiven(part, given, said, flavor);
    spec[part] = said;
  }
}

function bothGiven(part: (typeof parts)[number], given: number, said: number, flavor: Flavor) {
  return invalidField(
    `spec.${part}`,
    "conflict",
    `${given} was given, and flavor ${flavor.id} says ${said}; leave out either spec.${part} or spec.flavor_id`,
  );
}
