// Projects: the inner wall. Their ids are unique in the org. A project can't be deleted while anything is in it.
import { ProjectSchema } from "@photoncloud/proto/gen/iam/v1/project_pb";
import { defineKind } from "../../kind.ts";
import { nameById, refuseReserved } from "../ids.ts";

export const projectKind = defineKind({
  schema: ProjectSchema,
  uniqueName: "none",
  async admit(_, next, prior) {
    refuseReserved(next.id, prior);
    nameById(next);
  },
});
