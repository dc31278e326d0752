// Orgs: the outer wall. Their ids are unique in the cloud. An org can't be deleted while anything is in it (each resource refers to its scope).
import { OrgSchema } from "@photoncloud/proto/gen/iam/v1/org_pb";
import { Fault } from "../../../fault.ts";
import { defineKind } from "../../kind.ts";
import { nameById, refuseReserved, systemOrg } from "../ids.ts";

export const orgKind = defineKind({
  schema: OrgSchema,
  uniqueName: "none",
  async admit(admission, next, prior) {
    if (admission.caller.principal !== undefined) refuseReserved(next.id, prior);
    nameById(next);
  },
  async admitDelete(_, org) {
    if (org.id === systemOrg)
      throw new Fault("BUILT_IN", `the org ${systemOrg} holds the cloud's own administrators; it can't be deleted`);
  },
});
