// Placement groups: machines that are kept together or apart. They are only words; the scheduler (vm/placement) heeds them.
import { PlacementGroupSchema, PlacementStrictness } from "@photoncloud/proto/gen/plasmavmc/v1/placement_group_pb";
import { defineKind } from "../../kind.ts";

export const placementGroupKind = defineKind({
  schema: PlacementGroupSchema,
  async admit(_, next) {
    next.strictness ??= PlacementStrictness.REQUIRED;
    if (next.over === "") next.over = "host";
  },
});
