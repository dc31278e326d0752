// What tenants upload to make images of: kept by its digest, of each tenant apart, so that to know a digest is not to have the bytes.
import { createHash, randomUUID } from "node:crypto";
import {
  createWriteStream,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Clock } from "../../../clock.ts";
import { Fault, invalidField } from "../../../fault.ts";
import { hasCode } from "../../../has-code.ts";
import type { Tenant } from "../../../store/store.ts";
import { ownerOf } from "../../driver-step.ts";
import { uploadFile, uploadUrl } from "./upload-files.ts";

/** What is left free on the disk, in bytes: the store is on it. */
const keptFree = 512 * 1024 ** 2;
/** After how many bytes the disk's room is looked at again. */
const lookEvery = 64 * 1024 ** 2;
/** Uploads that a tenant may have, those that are coming included. */
const mostEach = 64;
/** How long an upload stays of which no image is made, in milliseconds. */
const unusedMs = 24 * 3_600_000;
/** Says whose a folder is, whose name is a digest. */
const label = "tenant.json";
const digestShape = /^sha256:[0-9a-f]{64}$/;

export interface UploadsOptions {
  readonly folder: string;
  readonly largestBytes: number;
  readonly clock: Clock;
}

export interface Upload {
  readonly tenant: Tenant;
  /** "sha256:…", which the bytes must have. */
  readonly digest: string;
  /** Undefined: nobody said. */
  readonly sizeBytes: number | undefined;
}

export class Uploads {
  readonly #options: UploadsOptions;
  /** By folder: how many are coming. */
  readonly #coming = new Map<string, number>();

  constructor(options: UploadsOptions) {
    this.#options = options;
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
    for (const file of this.#files()) if (file.endsWith(".part")) rmSync(file, { force: true });
  }

  /** Keeps the bytes if they have the digest; of anything else, nothing is left. Answers how many came. @throws Fault */
  async receive(upload: Upload, bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<number> {
    const file = this.#fileOf(upload);
    const folder = dirname(file);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, label), JSON.stringify(upload.tenant), { mode: 0o600 });
    const leave = this.#enter(folder, upload);
    const part = `${file}.${randomUUID()}.part`;
    try {
      const { digest, sizeBytes } = await this.#write(part, bytes, signal);
      if (digest !== upload.digest)
        throw invalidField(
          "digest",
          "conflict",
          `${sizeBytes} bytes came, whose digest is ${digest}, not ${upload.digest}`,
        );
      renameSync(part, file);
      return sizeBytes;
    } catch (error) {
      throw hasCode(error, "ENOSPC") ? noRoom(error) : error;
    } finally {
      rmSync(part, { force: true });
      leave();
    }
  }

  /** Removes what has lain for a day and is no image's. `usedBy` answers a tenant's digests. */
  async sweep(usedBy: (tenant: Tenant) => Promise<ReadonlySet<string>>): Promise<void> {
    const before = this.#options.clock.now() - unusedMs;
    const old = (file: string) => !file.endsWith(".part") && !isLabel(file) && statSync(file).mtimeMs < before;
    for (const label of this.#files().filter(isLabel)) {
      const folder = dirname(label);
      const files = this.#files().filter((file) => dirname(file) === folder && old(file));
      const used = files.length === 0 ? new Set() : await usedBy(JSON.parse(readFileSync(label, "utf8")));
      for (const file of files) if (!used.has(`sha256:${basename(file)}`)) rmSync(file, { force: true });
    }
  }

  #fileOf({ tenant, digest, sizeBytes }: Upload): string {
    if (!digestShape.test(digest))
      throw invalidField("digest", "format", "it must be sha256: and 64 hexadecimal digits");
    this.#checkSize(sizeBytes ?? 0);
    return uploadFile(this.#options.folder, uploadUrl(ownerOf(tenant), digest));
  }

  #files(): readonly string[] {
    const entries = readdirSync(this.#options.folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  }

  #enter(folder: string, { digest }: Upload): () => void {
    const coming = this.#coming.get(folder) ?? 0;
    const kept = readdirSync(folder).filter(
      (name) => !name.endsWith(".part") && name !== label && !digest.endsWith(name),
    ).length;
    if (kept + coming >= mostEach)
      throw new Fault("TOO_MANY_REQUESTS", `there are ${mostEach} uploads here already; delete images, or wait a day`);
    this.#coming.set(folder, coming + 1);
    return () => void this.#coming.set(folder, (this.#coming.get(folder) ?? 1) - 1);
  }

  #checkSize(sizeBytes: number): void {
    const { folder, largestBytes } = this.#options;
    if (sizeBytes > largestBytes)
      throw new Fault("REQUEST_TOO_LARGE", `an image may have ${largestBytes} bytes at most; these are more`);
    const { bavail, bsize } = statfsSync(folder);
    if (sizeBytes > bavail * bsize - keptFree) throw noRoom(undefined);
  }

  async #write(part: string, bytes: AsyncIterable<Uint8Array>, signal: AbortSignal) {
    const hash = createHash("sha256");
    const { largestBytes } = this.#options;
    const look = (size: number) => this.#checkSize(size);
    let [sizeBytes, lookedAt] = [0, 0];
    const counted = async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        sizeBytes += chunk.length;
        if (sizeBytes > largestBytes) look(sizeBytes);
        // The disk is looked at now and then: others write to it, too.
        if (sizeBytes - lookedAt > lookEvery) {
          look(0);
          lookedAt = sizeBytes;
        }
        hash.update(chunk);
        yield chunk;
      }
    };
    await pipeline(bytes, counted, createWriteStream(part, { mode: 0o600, flags: "wx" }), { signal });
    return { digest: `sha256:${hash.digest("hex")}`, sizeBytes };
  }
}

function isLabel(file: string): boolean {
  return basename(file) === label;
}

function noRoom(cause: unknown): Fault {
  return new Fault("BACKEND_UNAVAILABLE", "the server's disk has no room for these bytes", { cause });
}
