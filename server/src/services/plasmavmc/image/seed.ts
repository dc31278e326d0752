// The images that every cloud begins with.
import { create } from "@bufbuild/protobuf";
import { type Image, ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import { Fault } from "../../../fault.ts";

/** Of the whole system, and known to the drivers by their ids. */
export const builtInImages: readonly Image[] = [
  create(ImageSchema, { id: "debian-12", name: "Debian 12", minDiskGib: 2 }),
  create(ImageSchema, { id: "ubuntu-24-04", name: "Ubuntu 24.04 LTS", minDiskGib: 4 }),
];

/** Creates those that are not there yet; several servers may do so at once. `create` creates as the cloud itself. */
export async function seedImages(createImage: (image: Image) => Promise<unknown>): Promise<void> {
  for (const image of builtInImages)
    await createImage(image).catch((error: unknown) => {
      if (!(error instanceof Fault && error.reason === "ALREADY_EXISTS")) throw error;
    });
}
