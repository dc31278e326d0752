// photon vm export: a disk of a machine becomes a file of this machine. It has its name once it is whole.
import { randomBytes } from "node:crypto";
import { access, type FileHandle, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { catalog, type Kind } from "@photoncloud/proto";
import type { VmExport } from "@photoncloud/sdk";
import type { Command } from "commander";
import type { Io } from "../io.ts";
import { resolveId } from "../resolve.ts";
import { addCommonOptions, type CommonOptions, openSession, type Session } from "../session.ts";
import { UsageError } from "../usage-error.ts";

interface ExportOptions extends CommonOptions {
  readonly to: string;
  readonly disk?: string;
  readonly snapshot?: string;
  readonly format?: string;
  readonly force?: boolean;
}

const formats = ["qcow2", "raw"] as const;

/** As an import takes them: disk.raw and disk.img are raw, anything else is qcow2 unless it is said. */
function formatOf({ to, format }: ExportOptions): (typeof formats)[number] {
  if (format === undefined) return /\.(raw|img)$/.test(to) ? "raw" : "qcow2";
  const found = formats.find((one) => one === format);
  if (found !== undefined) return found;
  throw new UsageError(`--format: ${JSON.stringify(format)} was given; qcow2 or raw is wanted`);
}

async function refuseExisting({ to, force = false }: ExportOptions): Promise<void> {
  const exists = await access(to).then(
    () => true,
    () => false,
  );
  if (exists && !force) throw new UsageError(`${to} is there already; choose another name, or replace it with --force`);
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; )
    done += (await handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
}

/** Zeros are left out where they come: the file is as sparse as the disk. */
async function write({ parts, sizeBytes }: VmExport, file: string, mayReplace: boolean): Promise<void> {
  const part = join(dirname(file), `.${basename(file)}.${randomBytes(6).toString("hex")}.part`);
  const handle = await open(part, "wx", 0o600).catch((cause: unknown) => {
    throw new UsageError(`nothing can be written beside ${file}`, { cause });
  });
  try {
    let at = 0;
    for await (const piece of parts) {
      if (piece instanceof Uint8Array) await writeAll(handle, piece, at);
      at += piece instanceof Uint8Array ? piece.length : piece.zeros;
    }
    await handle.truncate(sizeBytes);
    await handle.sync();
    if (!mayReplace) await refuseExisting({ to: file });
    await rename(part, file);
  } finally {
    await handle.close();
    await rm(part, { force: true });
  }
}

async function snapshotIdOf(given: string, session: Session): Promise<string> {
  const kind = catalog().byTypeName("plasmavmc.v1.VmSnapshot");
  return kind === undefined ? given : resolveId(kind, session.of(kind), given, session.call);
}

async function exportVm(kind: Kind, given: string, options: ExportOptions, io: Io): Promise<void> {
  const format = formatOf(options);
  await refuseExisting(options);
  const session = openSession(io, options);
  const vmId = await resolveId(kind, session.of(kind), given, session.call);
  const { disk: diskId, snapshot } = options;
  const snapshotId = snapshot === undefined ? undefined : await snapshotIdOf(snapshot, session);
  const found = await session.cloud.exportVm(vmId, { ...session.call, format, diskId, snapshotId, signal: io.signal });
  await write(found, options.to, options.force ?? false);
  io.out(`${options.to}: disk ${found.diskId}, ${found.format}, ${found.sizeBytes} bytes, ${await found.digest}\n`);
}

export function addExportVerb(command: Command, kind: Kind, io: Io): void {
  const verb = command
    .command("export")
    .argument("<id|name>")
    .description("writes a disk of a stopped machine, or of a snapshot, to a file")
    .requiredOption("--to <file>", "the file; it appears when it is whole")
    .option("--disk <id>", "default: the root disk")
    .option("--snapshot <id|name>", "the disk as it was then; the machine may run")
    .option("--format <format>", "qcow2 or raw; default: raw for .raw and .img, else qcow2")
    .option("--force", "replace the file");
  addCommonOptions(verb).action((given: string, options: ExportOptions) => exportVm(kind, given, options, io));
}
