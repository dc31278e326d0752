// Flavors: sizes of machines by name. A machine keeps what its flavor said when it was taken; a flavor that a machine names can't be deleted.
import { FlavorSchema } from "@photoncloud/proto/gen/plasmavmc/v1/flavor_pb";
import { defineKind } from "../../kind.ts";

export const flavorKind = defineKind({
  schema: FlavorSchema,
  uniqueName: "none",
  async admit(_, next) {
    if (next.name === "") next.name = next.id;
  },
});
