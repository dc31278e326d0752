// An image is made when the hypervisor has its bytes.
import { Architecture, type Image, ImageFormat, ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import type { Drivers } from "../../../backends/drivers.ts";
import type { ImageSource } from "../../../backends/hypervisor/driver.ts";
import type { Reconciler } from "../../../engine/reconciler.ts";
import type { Tenant } from "../../../store/store.ts";
import { type DriverContext, driverStep, ownerOf } from "../../driver-step.ts";
import { uploadUrl } from "./upload-files.ts";

/** The architecture as drivers name it. */
export function architectureOf({ architecture }: Pick<Image, "architecture">): ImageSource["architecture"] {
  return architecture === Architecture.AARCH64 ? "aarch64" : "x86_64";
}

function tenantOf({ orgId: org, projectId: project }: Image): Tenant {
  return { org, project };
}

/** Has its bytes fetched, and tells what came. */
async function ensureBytes({ resource, drivers, signal, observe }: DriverContext<typeof ImageSchema>): Promise<void> {
  const facts = await drivers.hypervisor.ensureImage(imageSourceOf(resource), signal);
  if (facts === undefined) return;
  const { digest, sizeBytes, virtualSizeBytes } = facts;
  observe({ foundDigest: digest, sizeBytes: BigInt(sizeBytes), virtualSizeBytes: BigInt(virtualSizeBytes) });
}

/** An image as drivers know it: one without a source, but with a digest, was uploaded. */
export function imageSourceOf(image: Image): ImageSource {
  const format = image.format === ImageFormat.RAW ? "raw" : "qcow2";
  const { id, digest } = image;
  const url = image.sourceUrl ?? (digest === undefined ? undefined : uploadUrl(ownerOf(tenantOf(image)), digest));
  return {
    imageId: id,
    format,
    architecture: architectureOf(image),
    ...(url === undefined ? {} : { url }),
    ...(digest === undefined ? {} : { digest }),
  };
}

export const imageReconciler: Reconciler<typeof ImageSchema, Drivers> = {
  schema: ImageSchema,
  backend: ({ hypervisor }) => hypervisor.name,
  steps: [
    driverStep({
      name: "bytes",
      ensure: ensureBytes,
      remove: ({ id, drivers, signal }) => drivers.hypervisor.removeImage(id, signal),
    }),
  ],
};
