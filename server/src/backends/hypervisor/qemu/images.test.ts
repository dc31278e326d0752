// Images that are broken, that lie, or that would have the host's own files read.
import { createHash } from "node:crypto";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
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
// qemu-img runs as a user of its own, who must be able to get there.
chmodSync(root, 0o711);
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

async function cutShort(name: string, atByte: number): Promise<string> {
  const file = await make(name);
  truncateSync(file, atByte);
  return file;
}

/** A VMware disk whose extent is a file of the host. */
function vmdk(name: string): string {
  const lines = [
    "# Disk DescriptorFile",
    "version=1",
    "CID=1",
    "parentCID=ffffffff",
    'createType="monolithicFlat"',
    "",
  ];
  return written(name, `${lines.join("\n")}RW 128 FLAT "${secret}" 0\n`);
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
  ["is cut short", () => cutShort("short", 70), "no qcow2"],
  ["is cut short before the last byte of its head", () => cutShort("head", 103), "its head is cut short"],
  ["is a disk of another kind", async () => vmdk("extents"), "no qcow2"],
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
      expect(readdirSync(folder).filter((name) => !name.startsWith("looks."))).toEqual([]);
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

    test("answer what came, also the next time", async () => {
      const file = await make("facts");
      const digest = `sha256:${createHash("sha256").update(readFileSync(file)).digest("hex")}`;
      const facts = { digest, sizeBytes: readFileSync(file).length, virtualSizeBytes: 1024 ** 2 };
      expect(await images.ensure(source(file, "qcow2"), signal)).toEqual(facts);
      const again = new Images({ folder, builtIn: new Map(), localFiles: false });
      expect(await again.ensure(source(file, "qcow2"), signal)).toEqual(facts);
      images.remove("facts");
    });

    test("keep a disk that has another disk's bytes in it as it is, and never look into it", async () => {
      const inner = await make("inner", "-b", secret, "-F", "raw");
      await qemuImg("convert", "-q", "-f", "raw", "-O", "qcow2", inner, join(root, "outer"));
      await images.ensure(source(join(root, "outer"), "qcow2"), signal);
      await qemuImg("convert", "-f", "qcow2", "-O", "raw", images.file("outer") ?? "", join(root, "inner-again"));
      const bytes = readFileSync(inner);
      expect(readFileSync(join(root, "inner-again")).subarray(0, bytes.length).equals(bytes)).toBe(true);
      images.remove("outer");
    });

    const statuses: readonly [string, () => Promise<{ readonly file: string; readonly digest?: string }>, string][] = [
      [
        "another digest",
        async () => ({ file: await make("digest"), digest: `sha256:${"0".repeat(64)}` }),
        "WrongDigest",
      ],
      ["another format", async () => ({ file: written("words", "words") }), "BadFormat"],
      ["more bytes than are taken", async () => ({ file: written("many", Buffer.alloc(600_000, 1)) }), "TooLarge"],
      ["compressed bytes that would become too many", async () => ({ file: await bomb() }), "TooLarge"],
    ];

    /** Eight MiB that compress to some kilobytes. */
    async function bomb(): Promise<string> {
      const raw = written("bomb-raw", Buffer.alloc(8 * 1024 ** 2, 7));
      await qemuImg("convert", "-q", "-c", "-f", "raw", "-O", "qcow2", raw, join(root, "bomb"));
      return join(root, "bomb");
    }

    test.each(statuses)("say so of %s", async (_, given, status) => {
      const small = new Images({ folder, builtIn: new Map(), localFiles: true, largestBytes: 512 * 1024 });
      const { file, digest } = await given();
      const refused = small.ensure({ ...source(file, "qcow2"), ...(digest && { digest }) }, signal);
      await expect(refused).rejects.toMatchObject({ reason: "refused", status });
      expect(readdirSync(folder).filter((name) => name.includes(basename(file)) || name.endsWith(".part"))).toEqual([]);
    });
  });
