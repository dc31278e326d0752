// The images that every cloud begins with.
import { create } from "@bufbuild/protobuf";
import type { Catalog } from "@photoncloud/proto";
import { type Image, ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import { Fault } from "../../../fault.ts";
import type { Call, ResourceCalls } from "../../call.ts";

/** Of the whole system, and known to the drivers by their ids. */
export const builtInImages: readonly Image[] = [
  create(ImageSchema, { id: "tiny", name: "Tiny test guest", minDiskGib: 1 }),
  create(ImageSchema, { id: "debian-12", name: "Debian 12", minDiskGib: 2 }),
  create(ImageSchema, { id: "ubuntu-24-04", name: "Ubuntu 24.04 LTS", minDiskGib: 4 }),
];

const inTheCloudsName: Call = {
  principal: undefined,
  sourceIp: "",
  requestId: "seed-images",
  method: "plasmavmc.v1.ImageService/CreateImage",
  idempotencyKey: "",
  waitMs: 0,
  signal: new AbortController().signal,
  token: "",
};

/**
 * Creates those that are not there; several servers may do so at once. One that an operator deleted is back after the next start.
 *
 * @param ids which of them; default all.
 */
export async function seedImages(resources: ResourceCalls, catalog: Catalog, ids?: readonly string[]): Promise<void> {
  const kind = catalog.byTypeName(ImageSchema.typeName);
  if (kind === undefined) throw new Error(`${ImageSchema.typeName} is no kind of the catalog`);
  for (const image of builtInImages.filter(({ id }) => ids?.includes(id) ?? true))
    await resources.unary(kind, "create", image, inTheCloudsName).catch((error: unknown) => {
      if (!(error instanceof Fault && error.reason === "ALREADY_EXISTS")) throw error;
    });
}
