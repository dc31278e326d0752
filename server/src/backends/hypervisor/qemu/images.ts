// Images: fetched, checked by digest, and made ours: a whole qcow2 file that refers to nothing, whatever it was before.
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { DriverError } from "../../driver-error.ts";
import type { ImageFacts, ImageSource } from "../driver.ts";
import { fetchImage } from "../image-source.ts";
import { isUpload, type OpenBuiltIn, type OpenUpload } from "../uploads.ts";
import { type Bench, checkTables, convert, handOver, makeBench, tooLarge, virtualSizeOf } from "./image-tool.ts";
import { isFull } from "./programs.ts";
import { checkWhole } from "./qcow2.ts";

/** The largest virtual disk that an image may have, in bytes: an image may lie about its size to fill a host. */
const largestDisk = 2 * 1024 ** 4;
/** What an image may have where nothing was said, in bytes. */
const usualLargest = 64 * 1024 ** 3;

export interface ImagesOptions {
  readonly folder: string;
  /** The files of the built-in images, by their ids; qcow2. */
  readonly builtIn: ReadonlyMap<string, string>;
  /** Whether file: URLs may name files of this host. */
  readonly localFiles: boolean;
  /** Bytes that an image may have, as it comes and as it is kept. Default 64 GiB. */
  readonly largestBytes?: number;
  /** Whether URLs may lead to private and loopback addresses. Default false. */
  readonly privateSources?: boolean;
  /** Opens what was uploaded; undefined: nothing can be. */
  readonly uploads?: OpenUpload;
  /** Opens built-in images that have no file here; undefined: they can't be had. */
  readonly openBuiltIn?: OpenBuiltIn;
}

/** Answers the machine that stands on an image. */
export type ImageUser = (imageId: string) => string | undefined;

export class Images {
  readonly #options: ImagesOptions;
  readonly #users = new Set<ImageUser>();
  readonly #making = new Map<string, Promise<void>>();

  constructor(options: ImagesOptions) {
    this.#options = options;
    mkdirSync(options.folder, { recursive: true });
    for (const file of readdirSync(options.folder))
      if (file.endsWith(".part")) rmSync(join(options.folder, file), { recursive: true });
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

  /** Answers what came. @throws DriverError "refused" if the bytes are not what they should be, "unavailable" if they can't be had now. */
  async ensure(source: ImageSource, signal: AbortSignal): Promise<ImageFacts | undefined> {
    if (!existsSync(this.#fileOf(source.imageId))) {
      const making = this.#making.get(source.imageId) ?? this.#make(source, signal);
      this.#making.set(source.imageId, making);
      await making.finally(() => {
        if (this.#making.get(source.imageId) === making) this.#making.delete(source.imageId);
      });
    }
    return this.#factsOf(source.imageId);
  }

  /** Is asked from now on before an image is removed. */
  keepFor(user: ImageUser): void {
    this.#users.add(user);
  }

  /** @throws DriverError "in_use" while a machine stands on it. */
  remove(imageId: string): void {
    for (const user of this.#users) {
      const vmId = user(imageId);
      if (vmId !== undefined) throw new DriverError("in_use", `image ${imageId} is still used by vm ${vmId}`);
    }
    rmSync(this.#fileOf(imageId), { force: true });
    rmSync(this.#factsFile(imageId), { force: true });
  }

  #fileOf(imageId: string): string {
    return join(this.#options.folder, `${imageId}.qcow2`);
  }

  #factsFile(imageId: string): string {
    return join(this.#options.folder, `${imageId}.json`);
  }

  #factsOf(imageId: string): ImageFacts | undefined {
    const file = this.#factsFile(imageId);
    return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
  }

  async #make(source: ImageSource, signal: AbortSignal): Promise<void> {
    const { folder, largestBytes = usualLargest } = this.#options;
    const bench = makeBench(folder, source.imageId, largestBytes);
    try {
      const [raw, whole] = [join(bench.folder, "raw"), join(bench.folder, "whole")];
      const came = await this.#fetch(source, bench, raw, signal);
      handOver(bench, raw);
      const virtualSizeBytes = await check(source, bench, raw, signal);
      await convert(bench, raw, source.format, whole, signal);
      this.#keep(source.imageId, bench, whole, { ...came, virtualSizeBytes });
    } catch (error) {
      throw isFull(error) ? tooLarge({ ...bench, short: true }, error) : error;
    } finally {
      rmSync(bench.folder, { recursive: true, force: true });
    }
  }

  /** From here on it is the host's: machines read it, and nobody writes it. */
  #keep(imageId: string, { uid }: Bench, whole: string, facts: ImageFacts): void {
    if (uid !== undefined) chownSync(whole, 0, 0);
    chmodSync(whole, 0o444);
    writeFileSync(this.#factsFile(imageId), JSON.stringify(facts), { mode: 0o600 });
    renameSync(whole, this.#fileOf(imageId));
  }

  /** @throws DriverError "refused" if the digest is another than the one that was asked for. */
  async #fetch(source: ImageSource, bench: Bench, to: string, signal: AbortSignal) {
    const hash = createHash("sha256");
    let sizeBytes = 0;
    const counted = async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        sizeBytes += chunk.length;
        if (sizeBytes > bench.mostBytes) throw tooLarge(bench);
        hash.update(chunk);
        yield chunk;
      }
    };
    await pipeline(await this.#open(source, bench, signal), counted, createWriteStream(to, { mode: 0o600 }), {
      signal,
    }).catch((error: unknown) => {
      throw isFull(error) || error instanceof DriverError || signal.aborted ? error : brokeOff(source, error);
    });
    const digest = `sha256:${hash.digest("hex")}`;
    if (source.digest !== undefined && source.digest !== digest)
      throw new DriverError("refused", `image ${source.imageId} has the digest ${digest}, not ${source.digest}`, {
        status: "WrongDigest",
      });
    return { digest, sizeBytes };
  }

  async #open({ imageId, url }: ImageSource, bench: Bench, signal: AbortSignal): Promise<Readable> {
    const { localFiles, privateSources = false, uploads, openBuiltIn } = this.#options;
    const checkSize = (sizeBytes: number) => {
      if (sizeBytes > bench.mostBytes) throw tooLarge(bench);
    };
    if (url === undefined && openBuiltIn !== undefined && !this.#options.builtIn.has(imageId))
      return openBuiltIn(imageId, signal, checkSize);
    if (url === undefined) return createReadStream(this.#builtIn(imageId));
    if (isUpload(url) && uploads !== undefined) return uploads(url, signal, checkSize);
    if (url.startsWith("file:") && localFiles) return createReadStream(fileURLToPath(url));
    return fetchImage(url, { privateSources }, signal);
  }

  #builtIn(imageId: string): string {
    const file = this.#options.builtIn.get(imageId);
    if (file === undefined || !existsSync(file))
      throw new DriverError("refused", `this host has no built-in image ${imageId}; import it from a URL`);
    return file;
  }
}

/** A backing or data file would let an image read the host's files: no program sees one that names any. Answers the virtual size. */
async function check(
  { imageId, format }: ImageSource,
  bench: Bench,
  file: string,
  signal: AbortSignal,
): Promise<number> {
  if (format === "qcow2")
    checkSize(
      imageId,
      inWords(() => checkWhole(file, `image ${imageId}`)),
    );
  const virtualSize = await virtualSizeOf(bench, file, format, signal);
  checkSize(imageId, virtualSize);
  if (format === "qcow2") await checkTables(bench, file, signal);
  return virtualSize;
}

function inWords<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DriverError)) throw error;
    throw new DriverError(error.reason, error.message, { status: "BadFormat", cause: error });
  }
}

function checkSize(imageId: string, virtualSize: number): void {
  if (virtualSize > largestDisk)
    throw new DriverError(
      "refused",
      `image ${imageId} says that it has ${virtualSize} bytes; at most ${largestDisk} are taken`,
      { status: "TooLarge" },
    );
}

function brokeOff({ imageId }: ImageSource, cause: unknown): DriverError {
  const message = `image ${imageId} can't be fetched: the connection to its server broke off`;
  return new DriverError("unavailable", message, { status: "SourceUnreachable", cause });
}
