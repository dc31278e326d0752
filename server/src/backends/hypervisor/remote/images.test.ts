// Images that the server alone has, brought to a host over the channel; the host keeps them as QEMU's driver does.
import { createHash } from "node:crypto";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { ImageIntake } from "../../../agent/machines/image-intake.ts";
import type { ImageSource } from "../driver.ts";
import { Images } from "../qemu/images.ts";
import { qemuMissing } from "../qemu/index.ts";
import { run } from "../qemu/programs.ts";
import { simulatedHypervisor } from "../simulated/index.ts";
import type { ImageBytes } from "./image-bytes.ts";
import { type Loopback, openLoopback, settled } from "./testing/loopback.ts";

const missing = qemuMissing();
const suite = missing === undefined ? describe : describe.skip;
const { signal } = new AbortController();
// qemu-img runs as a user of its own, who must be able to get there.
const folderIn = (parent: string) => {
  const folder = mkdtempSync(join(parent, "pi-"));
  chmodSync(folder, 0o711);
  return folder;
};
const root = folderIn(tmpdir());
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Bytes in pieces that a test counts, holds back or breaks. */
class Source implements ImageBytes {
  readonly #bytes: Uint8Array;
  readonly #pieces: number;
  sizeBytes: number;
  reads = 0;
  /** Awaited before the last piece. */
  last: Promise<void> = Promise.resolve();

  constructor(bytes: Uint8Array, pieces = 4) {
    this.#bytes = bytes;
    this.#pieces = pieces;
    this.sizeBytes = bytes.length;
  }

  async *read(): AsyncGenerator<Uint8Array> {
    this.reads += 1;
    const size = Math.ceil(this.#bytes.length / this.#pieces);
    for (let at = 0; at < this.#bytes.length; at += size) {
      if (at + size >= this.#bytes.length) await this.last;
      yield this.#bytes.subarray(at, at + size);
    }
  }
}

suite(`an image that the server has${missing === undefined ? "" : ` (${missing})`}`, () => {
  let bytes: Uint8Array;
  let digest: string;
  let host: Loopback;
  let folder: string;
  let source: Source | undefined;
  const upload: ImageSource = { imageId: "mine", format: "qcow2", architecture: "x86_64", url: "upload:theirs/bytes" };
  const ensure = (more: Partial<ImageSource> = {}) =>
    host.link.driver.ensureImage({ ...upload, digest, ...more }, AbortSignal.timeout(20_000));
  const files = () => readdirSync(folder).toSorted();
  /** The agent hears of an end a moment later. */
  const emptied = async () => {
    for (const late = Date.now() + 10_000; files().length > 0 && Date.now() < late; ) await wait(5);
    expect(files()).toEqual([]);
  };

  const open = async (copies = 1) => {
    folder = folderIn(root);
    const intake = new ImageIntake();
    const { openUpload: uploads, openBuiltIn } = intake;
    const kept = Array.from({ length: copies }, (_, i) => {
      const at = copies === 1 ? folder : join(folder, String(i));
      return new Images({
        folder: at,
        builtIn: new Map(),
        localFiles: false,
        largestBytes: 2 ** 20,
        uploads,
        openBuiltIn,
      });
    });
    const ensureImage = async (wanted: ImageSource, ends: AbortSignal) =>
      (await Promise.all(kept.map((images) => images.ensure(wanted, ends))))[0];
    const driver = Object.assign(simulatedHypervisor(), { ensureImage });
    host = await openLoopback({ driver, intake, images: () => source });
    await settled(host.link, ({ hindrance }) => hindrance === "");
  };

  beforeAll(async () => {
    const file = join(root, "image.qcow2");
    await run("qemu-img", ["create", "-q", "-f", "qcow2", file, "1M"], signal);
    bytes = readFileSync(file);
    digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  });
  afterEach(() => host.close());

  test("comes whole, and tells what came", async () => {
    await open();
    source = new Source(bytes);
    const facts = { digest, sizeBytes: bytes.length, virtualSizeBytes: 2 ** 20 };
    expect(await ensure()).toEqual(facts);
    expect(files()).toEqual(["mine.json", "mine.qcow2"]);
    expect(await ensure()).toEqual(facts);
    expect(source.reads).toBe(1);
  });

  test("comes once for all machines that need it at the same time", async () => {
    await open();
    source = new Source(bytes);
    const { promise, resolve } = Promise.withResolvers<void>();
    source.last = promise;
    const all = [ensure(), ensure(), ensure()];
    while (source.reads === 0) await wait(5);
    resolve();
    for (const facts of await Promise.all(all)) expect(facts).toMatchObject({ digest });
    expect(source.reads).toBe(1);
  });

  test("comes twice where two drivers of the host keep one each", async () => {
    await open(2);
    source = new Source(bytes);
    expect(await ensure()).toMatchObject({ digest });
    expect(source.reads).toBe(2);
    expect(readdirSync(folder, { recursive: true })).toEqual(expect.arrayContaining(["0/mine.qcow2", "1/mine.qcow2"]));
  });

  test("that is built in comes where the host has no file of it", async () => {
    await open();
    source = new Source(bytes);
    await host.link.driver.ensureImage({ imageId: "tiny", format: "qcow2", architecture: "x86_64" }, signal);
    expect(files()).toEqual(["tiny.json", "tiny.qcow2"]);
  });

  test("leaves nothing when the server can't read it to its end, and comes when it is asked for anew", async () => {
    await open();
    source = new Source(bytes);
    source.last = Promise.reject(new Error("a bad sector"));
    source.last.catch(() => {});
    await expect(ensure()).rejects.toThrow();
    await emptied();
    source.last = Promise.resolve();
    expect(await ensure()).toMatchObject({ digest });
  });

  test("leaves nothing when the channel breaks in the middle", async () => {
    await open();
    source = new Source(bytes);
    source.last = new Promise(() => {});
    const broken = expect(ensure()).rejects.toMatchObject({ reason: "unavailable" });
    while (!files().some((name) => name.endsWith(".part"))) await wait(5);
    await host.link.close();
    await broken;
    await emptied();
  });

  const forget = () => {
    source = undefined;
  };
  const refusals: readonly (readonly [string, () => void, Partial<ImageSource>, object])[] = [
    ["has another digest", () => {}, { digest: `sha256:${"0".repeat(64)}` }, { reason: "refused" }],
    [
      "is larger than the host takes",
      () => Object.assign(source ?? {}, { sizeBytes: 2 ** 21 }),
      {},
      { reason: "refused" },
    ],
    ["the server does not have", forget, {}, { reason: "unavailable" }],
  ];
  test.each(refusals)("that %s is not taken, and leaves nothing", async (_, change, more, error) => {
    await open();
    source = new Source(bytes);
    change();
    await expect(ensure(more)).rejects.toMatchObject(error);
    await emptied();
  });
});
