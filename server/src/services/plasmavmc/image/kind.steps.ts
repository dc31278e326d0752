// An image is made when the hypervisor has its bytes.
import { Architecture, type Image, ImageFormat, ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import type { Drivers } from "../../../backends/drivers.ts";
import type { ImageSource } from "../../../backends/hypervisor/driver.ts";
import type { Reconciler } from "../../../engine/reconciler.ts";
import { driverStep } from "../../driver-step.ts";

/** The architecture as drivers name it. */
export function architectureOf({ architecture }: Pick<Image, "architecture">): ImageSource["architecture"] {
  return architecture === Architecture.AARCH64 ? "aarch64" : "x86_64";
}

/** An image as drivers know it. */
export function imageSourceOf(image: Image): ImageSource {
  const format = image.format === ImageFormat.RAW ? "raw" : "qcow2";
  const { id, sourceUrl, digest } = image;
  return {
    imageId: id,
    format,
    architecture: architectureOf(image),
    ...(sourceUrl === undefined ? {} : { url: sourceUrl }),
    ...(digest === undefined ? {} : { digest }),
  };
}

export const imageReconciler: Reconciler<typeof ImageSchema, Drivers> = {
  schema: ImageSchema,
  backend: ({ hypervisor }) => hypervisor.name,
  steps: [
    driverStep({
      name: "bytes",
      ensure: ({ resource, drivers, signal }) => drivers.hypervisor.ensureImage(imageSourceOf(resource), signal),
      remove: ({ id, drivers, signal }) => drivers.hypervisor.removeImage(id, signal),
    }),
  ],
};
