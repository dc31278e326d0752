// Images: what machines start from. Those of the system and of the org are seen in every project below.
import { Architecture, type Image, ImageFormat, ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import { invalidField } from "../../../fault.ts";
import { defineKind } from "../../kind.ts";
import { imageReconciler } from "./kind.steps.ts";

/** A built-in image is one that the drivers know by its id; only the cloud's own operators can say that there is one. */
function checkSource({ orgId, sourceUrl, digest }: Image): void {
  if (sourceUrl === undefined && digest === undefined && orgId !== "")
    throw invalidField(
      "source_url",
      "required",
      "it is missing; give the URL of the image's bytes, or the digest of what was uploaded (photon image import)",
    );
}

export const imageKind = defineKind({
  schema: ImageSchema,
  uniqueName: "none",
  async admit(_, next) {
    checkSource(next);
    next.format ??= ImageFormat.QCOW2;
    next.architecture ??= Architecture.X86_64;
    next.minDiskGib ??= 1;
    if (next.name === "") next.name = next.id;
  },
  reconciler: imageReconciler,
});
