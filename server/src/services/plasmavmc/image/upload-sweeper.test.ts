// Uploads that nobody makes an image of go after a day; those of images, of others, and young ones stay.
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, test } from "@jest/globals";
import { ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import { ManualClock } from "../../../engine/testing/manual-clock.ts";
import { openSmallCloud, type SmallCloud } from "../../testing/small-cloud.ts";
import { startSweeping } from "./upload-sweeper.ts";
import { Uploads } from "./uploads.ts";

const folder = mkdtempSync(join(tmpdir(), "pu-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const tenant = { org: "acme", project: "alpha" };
const rival = { org: "rival", project: "gamma" };
const [hourMs, dayMs] = [3_600_000, 86_400_000];
const digestOf = (text: string) => createHash("sha256").update(text).digest("hex");

let cloud: SmallCloud;
let clock: ManualClock;
let uploads: Uploads;
beforeEach(async () => {
  cloud = await openSmallCloud();
  clock = new ManualClock();
  uploads = new Uploads({ folder, largestBytes: 1024, clock });
});
afterEach(() => cloud.stop());

/** Uploads the text at a time. */
async function upload(text: string, at: number, of = tenant): Promise<void> {
  const digest = `sha256:${digestOf(text)}`;
  await uploads.receive({ tenant: of, digest, sizeBytes: undefined }, bytesOf(text), new AbortController().signal);
  const seconds = at / 1000;
  for (const file of filesOf(text)) utimesSync(join(folder, file), seconds, seconds);
}

async function* bytesOf(text: string) {
  yield Buffer.from(text);
}

function filesOf(text: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(digestOf(text)));
}

test("startSweeping() removes what is old and no image's, and of nobody else", async () => {
  const old = clock.now() - dayMs;
  await upload("used", old);
  await upload("unused", old);
  await upload("young", old + 2 * hourMs);
  await upload("used", old, rival);
  await cloud.make(ImageSchema, { digest: `sha256:${digestOf("used")}` });
  expect(filesOf("used")).toHaveLength(2);
  const failures: unknown[] = [];
  const stop = startSweeping({ uploads, store: cloud.store, clock, onFailure: (error) => failures.push(error) });
  await passAnHour();
  expect(filesOf("unused")).toEqual([]);
  expect(filesOf("used")).toHaveLength(1);
  expect(filesOf("young")).toHaveLength(1);
  await passAnHour();
  await passAnHour();
  expect(filesOf("young")).toEqual([]);
  stop();
  expect(failures).toEqual([]);
});

/** The sweeper sleeps again when it has swept. */
async function passAnHour(): Promise<void> {
  clock.advance(hourMs);
  do await new Promise((resolve) => setImmediate(resolve));
  while (clock.sleeping === 0);
}
