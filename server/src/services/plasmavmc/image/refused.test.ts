// Images that no host takes: what their status says, and when they are asked for again.
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { State } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { type Image, ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import { simulatedDrivers } from "../../../backends/detect.ts";
import { DriverError, type DriverReason } from "../../../backends/driver-error.ts";
import { acme, openSmallCloud } from "../../testing/small-cloud.ts";
import { imageReconciler } from "./kind.steps.ts";

const sourceUrl = "https://images.example/tiny.qcow2";
const digest = `sha256:${"0".repeat(64)}`;

/** Drivers whose hypervisor refuses every image of the id, and how often it was asked. */
function refusing(imageId: string, reason: DriverReason, status: string) {
  const drivers = simulatedDrivers();
  let asked = 0;
  const ensureImage = async (source: { readonly imageId: string }) => {
    if (source.imageId !== imageId) return;
    asked += 1;
    throw new DriverError(reason, "it is not taken", { status });
  };
  return {
    drivers: { ...drivers, hypervisor: Object.assign(drivers.hypervisor, { ensureImage }) },
    asked: () => asked,
  };
}

test.each(["BadFormat", "SourceForbidden", "TooLarge", "WrongDigest"])(
  "an image with %s has failed, and is tried again when it is changed",
  async (reason) => {
    const { drivers, asked } = refusing("refused", "refused", reason);
    const cloud = await openSmallCloud({ drivers });
    try {
      const hasFailed = ({ status }: Image) => status?.state === State.FAILED;
      await cloud.create(ImageSchema, { id: "refused", digest });
      const image = await cloud.until(ImageSchema, "refused", hasFailed);
      expect(image.status).toMatchObject({ reason, message: "it is not taken" });
      expect(asked()).toBe(1);
      await cloud.update(ImageSchema, "refused", { labels: { try: "again" } }, ["labels"]);
      await cloud.until(ImageSchema, "refused", (one) => hasFailed(one) && one.etag !== image.etag);
      expect(asked()).toBe(2);
    } finally {
      await cloud.stop();
    }
  },
);

describe("what was refused before, looked at again as it is,", () => {
  const refused = { state: State.FAILED, reason: "BadFormat", message: "it is not taken", observedVersion: 3n };
  const cases: readonly [string, Partial<Pick<Image, "sourceUrl" | "digest">>, typeof refused, number][] = [
    ["of an upload is left as it is", { digest }, refused, 0],
    ["of an upload is tried after a change", { digest }, { ...refused, observedVersion: 2n }, 1],
    ["of an upload is tried where it may be mended", { digest }, { ...refused, reason: "NoRoom" }, 1],
    ["of a URL is tried: it may have been mended", { sourceUrl }, refused, 1],
  ];
  test.each(cases)("%s", async (_, source, status, tries) => {
    const { drivers, asked } = refusing("refused", "refused", "BadFormat");
    const resource = create(ImageSchema, { ...acme, id: "refused", ...source, status });
    const [step] = imageReconciler.steps;
    const { signal } = new AbortController();
    const looked = step?.ensure({
      key: { tenant: { org: "acme", project: "alpha" }, kind: ImageSchema.typeName, id: "refused" },
      id: "refused",
      resource,
      version: 3,
      now: 0,
      drivers,
      signal,
      related: async () => undefined,
      exists: async () => false,
      observe: () => {},
    });
    await expect(looked).rejects.toMatchObject({ reason: "BadFormat", message: "it is not taken", final: true });
    expect(asked()).toBe(tries);
  });
});

test.each(["SourceUnreachable", "NoRoom", "NotUploaded"])(
  "an image with %s is tried again by itself",
  async (status) => {
    const { drivers, asked } = refusing("away", "unavailable", status);
    const cloud = await openSmallCloud({ drivers });
    try {
      await cloud.create(ImageSchema, { id: "away", sourceUrl });
      await cloud.until(ImageSchema, "away", (image) => asked() > 1 && image.status?.reason === status);
    } finally {
      await cloud.stop();
    }
  },
);
