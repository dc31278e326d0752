// A machine's disk as a file: read as fast as it is taken, and compared with what the cloud says that it sent.
import { createHash, type Hash } from "node:crypto";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ImageFormat } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import {
  ExportVmRequestSchema,
  type ExportVmResponse,
  ExportVmResponseSchema,
} from "@photoncloud/proto/gen/plasmavmc/v1/vm_export_pb";
import { PhotonError } from "./errors.ts";
import type { CallOptions } from "./options.ts";
import type { Transport } from "./transport.ts";

const method = "plasmavmc.v1.VmExportService/ExportVm";
/** How long the cloud may take to have the file at hand where nothing was said, in milliseconds: it is copied first. */
const patienceMs = 30 * 60_000;
/** How many zeros are at hand. */
const zeros = new Uint8Array(256 * 1024);

export interface VmExportOptions extends CallOptions {
  /** Default: the root disk. */
  readonly diskId?: string | undefined;
  /** The disk as it was then; the machine may run. Default: as it is, and the machine must be stopped. */
  readonly snapshotId?: string | undefined;
  /** Default "qcow2". */
  readonly format?: "qcow2" | "raw" | undefined;
}

/** A part of a file: bytes, or so many zeros in their place. */
export type FilePart = Uint8Array | { readonly zeros: number };

export interface VmExport {
  readonly diskId: string;
  readonly format: "qcow2" | "raw";
  /** Of the whole file. */
  readonly sizeBytes: number;
  /**
   * From the first byte to the last, once, as fast as they are taken. Where it ends without an error, all came as it was sent.
   *
   * @throws PhotonError unavailable where it broke off: nothing of it is good then. data_loss if other bytes came.
   */
  readonly parts: AsyncIterable<FilePart>;
  /** "sha256:…" of the whole file, once the last part was read. */
  readonly digest: Promise<string>;
}

/** The bytes of a file's part. */
export function* bytesOf(part: FilePart): Generator<Uint8Array> {
  if (part instanceof Uint8Array) return yield part;
  for (let left = part.zeros; left > 0; left -= zeros.length) yield zeros.subarray(0, Math.min(left, zeros.length));
}

/** @throws PhotonError */
export async function exportVm(transport: Transport, vmId: string, options: VmExportOptions): Promise<VmExport> {
  const { org: orgId = "", project: projectId = "", diskId, snapshotId, format } = options;
  const wanted = { orgId, projectId, vmId, format: format === "raw" ? ImageFormat.RAW : ImageFormat.QCOW2 };
  const request = create(ExportVmRequestSchema, {
    ...wanted,
    ...(diskId !== undefined && { diskId }),
    ...(snapshotId !== undefined && { snapshotId }),
  });
  const call = { method, request: {}, mutation: false, repeatable: true, open: false };
  const answers = transport.binaryStream(
    { ...call, options: { ...options, timeoutMs: options.timeoutMs ?? patienceMs } },
    toBinary(ExportVmRequestSchema, request),
    (data) => fromBinary(ExportVmResponseSchema, data),
  );
  const first = await answers.next();
  const file = first.done === true ? undefined : first.value.file;
  if (file === undefined) throw broken("the cloud did not say what it exports");
  const { promise: digest, resolve } = Promise.withResolvers<string>();
  const isRaw = file.format === ImageFormat.RAW;
  return {
    diskId: file.diskId,
    format: isRaw ? "raw" : "qcow2",
    sizeBytes: Number(file.sizeBytes),
    digest,
    parts: checked(answers, Number(file.sizeBytes), resolve),
  };
}

async function* checked(
  answers: AsyncIterable<ExportVmResponse>,
  sizeBytes: number,
  found: (digest: string) => void,
): AsyncGenerator<FilePart> {
  const hash = createHash("sha256");
  let [size, said] = [0, ""];
  for await (const { data, zeros: skipped, digest } of answers) {
    said ||= digest;
    const part = skipped > 0n ? { zeros: Number(skipped) } : data;
    size += add(hash, part);
    if (digest === "") yield part;
  }
  const digest = `sha256:${hash.digest("hex")}`;
  if (said === "") throw broken("the export broke off before its end");
  if (said !== digest || size !== sizeBytes)
    throw new PhotonError(
      "data_loss",
      `${size} bytes came, whose digest is ${digest}; ${sizeBytes} of ${said} were sent`,
      {
        method,
        retry: "later",
      },
    );
  found(digest);
}

function add(hash: Hash, part: FilePart): number {
  let size = 0;
  for (const bytes of bytesOf(part)) {
    hash.update(bytes);
    size += bytes.length;
  }
  return size;
}

function broken(message: string): PhotonError {
  return new PhotonError("unavailable", message, { method, retry: "later" });
}
