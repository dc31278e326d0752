// photon image import: a file of this machine becomes an image of the cloud.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import type { Kind } from "@photoncloud/proto";
import type { Command } from "commander";
import type { Io } from "../io.ts";
import { printOne } from "../output.ts";
import { addCommonOptions, type CommonOptions, openSession } from "../session.ts";
import { UsageError } from "../usage-error.ts";
import { addWaitOption, changed, untilReady, type WaitFlags } from "../waiting.ts";

interface ImportOptions extends CommonOptions, WaitFlags {
  readonly id?: string;
  readonly name?: string;
  readonly format?: string;
  readonly digest?: string;
  readonly architecture?: string;
  readonly minDiskGib?: string;
}

async function sizeOf(file: string): Promise<number> {
  const found = await stat(file).catch((cause: unknown) => {
    throw new UsageError(`${file} can't be read`, { cause });
  });
  if (!found.isFile()) throw new UsageError(`${file} is no file`);
  return found.size;
}

/** What the file holds now; what is sent must still have it. */
async function digestOf(file: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { signal })) hash.update(chunk);
  return `sha256:${hash.digest("hex")}`;
}

/** disk.raw and disk.img are raw; anything else is qcow2 unless it is said. */
function formatOf(file: string, given: string | undefined): string {
  return given ?? (/\.(raw|img)$/.test(file) ? "raw" : "qcow2");
}

async function importImage(kind: Kind, file: string, options: ImportOptions, io: Io): Promise<void> {
  const session = openSession(io, options);
  const sizeBytes = await sizeOf(file);
  const digest = await digestOf(file, io.signal);
  if (options.digest !== undefined && options.digest !== digest)
    throw new UsageError(`${file} has the digest ${digest}, not ${options.digest}`);
  const bytes = createReadStream(file);
  await session.cloud.uploadImage(bytes, { digest, sizeBytes, ...session.tenant, signal: io.signal });
  const client = session.of(kind);
  const image = {
    digest,
    name: options.name ?? basename(file),
    format: formatOf(file, options.format),
    ...(options.id !== undefined && { id: options.id }),
    ...(options.architecture !== undefined && { architecture: options.architecture }),
    ...(options.minDiskGib !== undefined && { minDiskGib: Number(options.minDiskGib) }),
  };
  const made = await changed(session, options, {
    send: (terms) => client.create(image, terms),
    settled: untilReady(client, session, options),
  });
  printOne(io, session.format, made);
}

export function addImportVerb(command: Command, kind: Kind, io: Io): void {
  const verb = command
    .command("import")
    .argument("<file>")
    .description("uploads a file and makes an image of it")
    .option("--id <id>", "its id; default: drawn")
    .option("--name <name>", "a name for people; default: the file's")
    .option("--format <format>", "qcow2 or raw; default: raw for .raw and .img, else qcow2")
    .option("--digest <digest>", "sha256:…, which the file must have")
    .option("--architecture <architecture>", "x86_64 or aarch64; default x86_64")
    .option("--min-disk-gib <gib>", "the smallest root disk that it fits on; default 1");
  addWaitOption(verb, "until it is ready");
  addCommonOptions(verb).action((file: string, options: ImportOptions) => importImage(kind, file, options, io));
}
