// Images that are broken, that lie, or that would have the host's own files read.
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "@jest/globals";
import { Images } from "./images.ts";
import { qemuMissing } from "./index.ts";
import { run } from "./programs.ts";

const missing = qemuMissing();
const { signal } = new AbortController();
const root = mkdtempSync(join(tmpdir(), "pi-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const secret = join(root, "secret");
writeFileSync(secret, "the host's secret".padEnd(65_536));
const qemuImg = (...args: string[]) => run("qemu-img", args, signal);

/** Makes a file of the name. */
async function make(name: string, ...args: string[]): Promise<string> {
  const file = join(root, name);
  await qemuImg("create", "-q", "-f", "qcow2", ...args, file, "1M");
  return file;
}

/** A qcow2 file with eight bytes of its head changed. */
async function forged(name: string, at: number, value: bigint): Promise<string> {
  const file = await make(name);
  const bytes = readFileSync(file);
  bytes.writeBigUInt64BE(value, at);
  writeFileSync(file, bytes);
  return file;
}

function written(name: string, bytes: Uint8Array | string): string {
  writeFileSync(join(root, name), bytes);
  return join(root, name);
}

async function cutShort(): Promise<string> {
  const file = await make("short");
  truncateSync(file, 90_000);
  writeFileSync(file, readFileSync(file).subarray(0, 70));
  return file;
}

const cases: readonly [string, () => Promise<string>, string][] = [
  ["stands on another file", () => make("backed", "-b", secret, "-F", "raw"), "stands on another file"],
  [
    "keeps its data in another file",
    () => make("data", "-o", `data_file=${join(root, "outside")},data_file_raw=on`),
    "keeps its data in another file",
  ],
  ["is larger than any disk", () => forged("large", 24, 2n ** 60n), "at most"],
  ["needs what is not known", () => forged("features", 72, 1n << 40n), "features"],
  ["is no qcow2 file", async () => written("text", "a text"), "no qcow2"],
  ["is empty", async () => written("empty", ""), "no qcow2"],
  ["is cut short", cutShort, "no qcow2"],
  ["has tables outside of it", () => forged("tables", 40, 2n ** 50n), "qemu-img"],
];

if (missing !== undefined) describe.skip(`images (${missing})`, () => test("are checked", () => undefined));
else
  describe("Images", () => {
    const folder = join(root, "images");
    const images = new Images({ folder, builtIn: new Map(), localFiles: true });
    const source = (file: string, format: "qcow2" | "raw") =>
      ({ imageId: basename(file), format, architecture: "x86_64", url: pathToFileURL(file).href }) as const;

    test.each(cases)("refuse one that %s, and keep nothing of it", async (_, file, words) => {
      const refused = images.ensure(source(await file(), "qcow2"), signal);
      await expect(refused).rejects.toMatchObject({ reason: "refused", message: expect.stringContaining(words) });
      expect(readdirSync(folder).filter((name) => name !== "looks.qcow2")).toEqual([]);
    });

    test("take raw bytes for what they are, though they look like a qcow2 file that names another", async () => {
      const file = await make("looks", "-b", secret, "-F", "raw");
      await images.ensure(source(file, "raw"), signal);
      const kept = images.file("looks") ?? "";
      const info = JSON.parse(await qemuImg("info", "--output=json", "-f", "qcow2", kept));
      expect(info).not.toHaveProperty("backing-filename");
      await qemuImg("convert", "-f", "qcow2", "-O", "raw", kept, join(root, "back"));
      const bytes = readFileSync(file);
      expect(readFileSync(join(root, "back")).subarray(0, bytes.length).equals(bytes)).toBe(true);
    });
  });
