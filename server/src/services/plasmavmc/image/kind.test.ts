import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import { Architecture, ImageFormat, ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import { type SimulatedDrivers, simulatedDrivers } from "../../../backends/detect.ts";
import { fiveLaws } from "../../../engine/testing/five-laws.ts";
import { acme, beta, openSmallCloud, outcome, rival, type SmallCloud } from "../../testing/small-cloud.ts";
import { imageReconciler } from "./kind.steps.ts";
import { builtInImages, seedImages } from "./seed.ts";

let cloud: SmallCloud;
beforeAll(async () => {
  cloud = await openSmallCloud();
});
afterAll(() => cloud.stop());

const sourceUrl = "https://images.example/tiny.qcow2";
const digest = `sha256:${"0".repeat(64)}`;
const system = { orgId: "", projectId: "" };
const ofOrg = { orgId: "acme", projectId: "" };

describe("an image", () => {
  test("gets its defaults", async () => {
    const image = await cloud.make(ImageSchema, { sourceUrl, digest });
    const { id, name, format, architecture, minDiskGib } = image;
    expect({ name, format, architecture, minDiskGib }).toEqual({
      name: id,
      format: ImageFormat.QCOW2,
      architecture: Architecture.X86_64,
      minDiskGib: 1,
    });
    expect(image.status?.backend).toBe("simulated");
  });

  test("of a tenant needs a source, or the digest of an upload", async () => {
    for (const place of [{}, ofOrg])
      expect(await outcome(cloud.create(ImageSchema, place))).toBe("INVALID_FIELDS source_url:required");
    const uploaded = await cloud.make(ImageSchema, { digest });
    const [kept] = cloud.drivers.hypervisor.snapshot().images.filter(({ imageId }) => imageId === uploaded.id);
    expect(kept?.url).toMatch(/^upload:[0-9a-f]{24}\/0{64}$/);
    const badDigest = cloud.create(ImageSchema, { sourceUrl, digest: "md5:0" });
    expect(await outcome(badDigest)).toBe("INVALID_FIELDS digest:format");
    const ftp = cloud.create(ImageSchema, { sourceUrl: "ftp://images.example/x" });
    expect(await outcome(ftp)).toBe("INVALID_FIELDS source_url:format");
  });

  test("can't get another source", async () => {
    const { id } = await cloud.make(ImageSchema, { sourceUrl });
    const changed = cloud.update(ImageSchema, id, { sourceUrl: "https://images.example/other" });
    expect(await outcome(changed)).toBe("INVALID_FIELDS source_url:immutable");
  });

  test("is gone from the hypervisor after its deletion", async () => {
    const { id } = await cloud.make(ImageSchema, { sourceUrl });
    expect((await cloud.drivers.hypervisor.inventory()).images).toContain(id);
    await cloud.delete(ImageSchema, id);
    await cloud.gone(ImageSchema, id);
    expect((await cloud.drivers.hypervisor.inventory()).images).not.toContain(id);
  });
});

test("seedImages() makes the built-in images once, and every project sees them", async () => {
  await seedImages(cloud.resources, catalog());
  for (const { id } of builtInImages) {
    await cloud.ready(ImageSchema, id, system);
    for (const tenant of [acme, beta, rival]) expect((await cloud.get(ImageSchema, id, tenant)).id).toBe(id);
  }
});

fiveLaws<typeof ImageSchema, SimulatedDrivers>({
  name: "Image",
  reconciler: imageReconciler,
  makeResource: () => create(ImageSchema, { ...acme, id: "tiny", name: "tiny", sourceUrl, digest }),
  drivers: () => ({ ...simulatedDrivers() }),
  snapshot: ({ hypervisor }) => hypervisor.snapshot(),
});
