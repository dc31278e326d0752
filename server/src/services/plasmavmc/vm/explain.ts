// ExplainPlacement: where a machine may be, and why not elsewhere. Who may read hosts is told of each; anybody else how many there are.
import { create } from "@bufbuild/protobuf";
import { Architecture, type Image, ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import { PlacementExplanationSchema, type Vm, type VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { VmSnapshotSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_snapshot_pb";
import type { PlaceQuestion, Verdict } from "../../../backends/hypervisor/places.ts";
import { Fault } from "../../../fault.ts";
import type { QueryContext, QueryMethod } from "../../kind.ts";
import { architectureOf } from "../image/kind.steps.ts";
import { questionOf } from "./placement/stored.ts";
import { countedOf, fields, summaryOf } from "./placement/words.ts";

const hosts = { org: "", project: "", type: "host", id: "" };

/** @throws Fault WRONG_STATE where there is one host alone. */
export const explainPlacement: QueryMethod<typeof VmSchema> = {
  async answer({ message: vm }, _, context) {
    const { places } = context.drivers;
    if (places === undefined)
      throw new Fault("WRONG_STATE", "this cloud has one host alone, so that nothing is chosen");
    const verdicts = await places.explain(await questionFor(vm, context));
    const seesHosts = (await context.caller.may?.("compute:hosts:get", hosts)) ?? true;
    return explanationOf(vm, verdicts, seesHosts);
  },
};

function explanationOf(vm: Vm, verdicts: readonly Verdict[], seesHosts: boolean) {
  const fitting = verdicts.filter(({ obstacles }) => obstacles.length === 0).length;
  return create(PlacementExplanationSchema, {
    fits: fitting > 0,
    hosts: verdicts.length,
    fitting,
    obstacles: [...countedOf(verdicts)],
    summary:
      fitting > 0 ? `${fitting} of ${verdicts.length} hosts may run it` : `no host may run it: ${summaryOf(verdicts)}`,
    verdicts: !seesHosts ? [] : verdicts.map((verdict) => verdictOf(vm, verdict)),
  });
}

function verdictOf({ hostId }: Vm, { hostId: id, obstacles, score }: Verdict) {
  const isCurrent = id === hostId;
  return {
    hostId: id,
    fits: obstacles.length === 0,
    current: isCurrent,
    score,
    reasons: obstacles.map(({ reason }) => reason),
    messages: obstacles.map(({ message }) => message),
  };
}

/** A machine that is somewhere has its disks: what they were copied from binds it no more. */
async function questionFor(vm: Vm, { get }: Pick<QueryContext, "get">): Promise<PlaceQuestion> {
  const { imageId, sourceSnapshotId } = vm.spec ?? {};
  const owner = `${vm.orgId}/${vm.projectId}`;
  const image = imageId === undefined ? undefined : await get(ImageSchema, imageId);
  const snapshot =
    sourceSnapshotId === undefined ? undefined : (await get(VmSnapshotSchema, sourceSnapshotId))?.message;
  const architecture = architectureOf(image?.message ?? snapshot ?? noImage);
  const copyOf = snapshot && vm.hostId === "" ? { vmId: snapshot.vmId, snapshotId: snapshot.id } : undefined;
  return questionOf(vm, { owner, architecture, ...(copyOf && { copyOf }) });
}

const noImage: Pick<Image, "architecture"> = { architecture: Architecture.X86_64 };

/** A plan of a machine that no host may run says so: made now, it would wait. A host that does not answer may do so again. @throws Fault NO_HOST */
export async function foreseePlace(next: Vm, prior: Vm | undefined, context: QueryContext): Promise<void> {
  const { places } = context.drivers;
  if (places === undefined || prior !== undefined) return;
  const verdicts = await places.explain({ ...(await questionFor(next, context)), vmId: "" });
  if (verdicts.some(({ obstacles }) => obstacles.every(({ reason }) => reason === "unreachable"))) return;
  const violations = countedOf(verdicts).map(({ reason, message }) => {
    return { path: fields[reason] ?? "spec", rule: "placement", message };
  });
  throw new Fault("NO_HOST", `no host may run this machine: ${summaryOf(verdicts)}`, { violations });
}
