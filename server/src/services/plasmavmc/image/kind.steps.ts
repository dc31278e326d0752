// An image is made when the hypervisor has its bytes.
import { State } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { Architecture, type Image, ImageFormat, ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import { DriverError } from "../../../backends/driver-error.ts";
import type { Drivers } from "../../../backends/drivers.ts";
import type { ImageSource } from "../../../backends/hypervisor/driver.ts";
import { type Reconciler, StepError } from "../../../engine/reconciler.ts";
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

/** Reasons that lie in the bytes, or in where they would come from: asking again soon would end the same, after a whole transfer. */
const lasting: ReadonlySet<string> = new Set(["BadFormat", "SourceForbidden", "TooLarge", "WrongDigest"]);

function refusal(reason: string, message: string, cause?: unknown): StepError {
  return new StepError(reason, message, { cause, final: true });
}

function asRefusal(error: unknown): unknown {
  const isLasting = error instanceof DriverError && error.status !== undefined && lasting.has(error.status);
  return isLasting ? refusal(error.status, error.message, error) : error;
}

/** What was uploaded is the bytes of its digest, today and ever after; what a URL leads to may be mended. @throws StepError */
function checkNotRefused({ sourceUrl, status }: Image, version: number): void {
  if (sourceUrl !== undefined || status?.state !== State.FAILED || !lasting.has(status.reason)) return;
  if (status.observedVersion === BigInt(version)) throw refusal(status.reason, status.message);
}

/** Has its bytes fetched, and tells what came. */
async function ensureBytes(context: DriverContext<typeof ImageSchema>): Promise<void> {
  const { resource, version, drivers, signal, observe } = context;
  checkNotRefused(resource, version);
  const fetched = drivers.hypervisor.ensureImage(imageSourceOf(resource), signal);
  const facts = await fetched.catch((error: unknown) => {
    throw asRefusal(error);
  });
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
