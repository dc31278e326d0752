// Images: fetched, checked by digest, and made ours: a whole qcow2 file that refers to nothing, whatever it was before.
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { DriverError } from "../../driver-error.ts";
import type { ImageSource } from "../driver.ts";
import { checkTables, imageInfo } from "./disks.ts";
import { diskFull, isFull, run } from "./programs.ts";
import { checkWhole } from "./qcow2.ts";

/** The largest virtual disk that an image may have, in bytes: an image may lie about its size to fill a host. */
const largest = 2 * 1024 ** 4;

export interface ImagesOptions {
  readonly folder: string;
  /** The files of the built-in images, by their ids; qcow2. */
  readonly builtIn: ReadonlyMap<string, string>;
  /** Whether file: URLs may name files of this host. */
  readonly localFiles: boolean;
}

export class Images {
  readonly #options: ImagesOptions;
  readonly #making = new Map<string, Promise<void>>();

  constructor(options: ImagesOptions) {
    this.#options = options;
    mkdirSync(options.folder, { recursive: true });
    for (const file of readdirSync(options.folder)) if (file.endsWith(".part")) rmSync(join(options.folder, file));
  }

  /** The image's file; undefined: it is not there. */
  file(imageId: string): string | undefined {
    const file = this.#fileOf(imageId);
    return existsSync(file) ? file : undefined;
  }

  /** All ids, in order. */
  ids(): readonly string[] {
    return readdirSync(this.#options.folder)
      .filter((file) => file.endsWith(".qcow2"))
      .map((file) => file.slice(0, -".qcow2".length))
      .sort();
  }

  /** @throws DriverError "refused" if the bytes are not what they should be, "unavailable" if they can't be had now. */
  async ensure(source: ImageSource, signal: AbortSignal): Promise<void> {
    if (existsSync(this.#fileOf(source.imageId))) return;
    const making = this.#making.get(source.imageId) ?? this.#make(source, signal);
    this.#making.set(source.imageId, making);
    await making.finally(() => this.#making.delete(source.imageId));
  }

  remove(imageId: string): void {
    rmSync(this.#fileOf(imageId), { force: true });
  }

  #fileOf(imageId: string): string {
    return join(this.#options.folder, `${imageId}.qcow2`);
  }

  async #make(source: ImageSource, signal: AbortSignal): Promise<void> {
    const [raw, whole] = [`${this.#fileOf(source.imageId)}.raw.part`, `${this.#fileOf(source.imageId)}.part`];
    try {
      const digest = await this.#fetch(source, raw, signal);
      if (source.digest !== undefined && source.digest !== digest)
        throw new DriverError("refused", `image ${source.imageId} has the digest ${digest}, not ${source.digest}`);
      await this.#check(source, raw, signal);
      await run("qemu-img", ["convert", "-f", source.format, "-O", "qcow2", raw, whole], signal);
      renameSync(whole, this.#fileOf(source.imageId));
    } finally {
      rmSync(raw, { force: true });
      rmSync(whole, { force: true });
    }
  }

  /** A backing or data file would let an image read the host's files: no program sees one that names any. */
  async #check({ imageId, format }: ImageSource, file: string, signal: AbortSignal): Promise<void> {
    if (format === "qcow2") this.#checkSize(imageId, checkWhole(file, `image ${imageId}`));
    this.#checkSize(imageId, (await imageInfo(file, format, signal)).virtualSize);
    if (format === "qcow2") await checkTables(file, signal);
  }

  #checkSize(imageId: string, virtualSize: number): void {
    if (virtualSize > largest)
      throw new DriverError(
        "refused",
        `image ${imageId} says that it has ${virtualSize} bytes; at most ${largest} are taken`,
      );
  }

  /** Answers the digest of what came. */
  async #fetch(source: ImageSource, to: string, signal: AbortSignal): Promise<string> {
    const hash = createHash("sha256");
    const bytes = await this.#open(source, signal);
    let came = 0;
    const counted = async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        came += chunk.length;
        if (came > largest)
          throw new DriverError(
            "refused",
            `image ${source.imageId} has more than ${largest} bytes, the most that are taken`,
          );
        hash.update(chunk);
        yield chunk;
      }
    };
    await pipeline(bytes, counted, createWriteStream(to), { signal }).catch((error: unknown) => {
      throw isFull(error) ? diskFull(error) : error;
    });
    return `sha256:${hash.digest("hex")}`;
  }

  async #open({ imageId, url }: ImageSource, signal: AbortSignal): Promise<Readable> {
    if (url === undefined) return createReadStream(this.#builtIn(imageId));
    if (url.startsWith("file:")) return this.#local(url);
    try {
      const response = await fetch(url, { signal });
      if (!response.ok || response.body === null)
        throw new DriverError("unavailable", `image ${imageId}: the server answers ${response.status}`);
      return Readable.fromWeb(response.body);
    } catch (cause) {
      if (cause instanceof DriverError || signal.aborted) throw cause;
      throw new DriverError("unavailable", `image ${imageId} can't be fetched: its server can't be reached`, { cause });
    }
  }

  #builtIn(imageId: string): string {
    const file = this.#options.builtIn.get(imageId);
    if (file === undefined || !existsSync(file))
      throw new DriverError("refused", `this host has no built-in image ${imageId}; import it from a URL`);
    return file;
  }

  #local(url: string): Readable {
    if (!this.#options.localFiles) throw new DriverError("refused", "this host takes no images from its own files");
    return createReadStream(fileURLToPath(url));
  }
}
