// Between the role's plain values and the messages of the channel.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type DefineRequest,
  DefineRequestSchema,
  type EnsureImageRequest,
  type ExportDiskRequest,
  type ExportDiskResponse,
  type GetMoveResponse,
  type GetMoveResponseSchema,
  type GetStateResponse,
  type GetStateResponseSchema,
  type MachineUsage,
  type MachineUsageSchema,
  type MoveOfferMessage,
} from "@photoncloud/proto/gen/plasmavmc/agent/v1/agent_pb";
import type {
  ExportSource,
  FilePart,
  ImageSource,
  MachineSpec,
  MachineState,
  MachineStatistics,
  MoveOffer,
  MoveState,
} from "../driver.ts";

/** A machine's description must fit into the message: this does not compile while a field of it has no place there. */
type Forgotten = Exclude<keyof MachineSpec, keyof DefineRequest>;
export const everyFieldFits: [Forgotten] extends [never] ? true : Forgotten = true;

/** Leaves out what is undefined. */
type Present<T> = { [K in keyof T]: Exclude<T[K], undefined> };
function present<T extends object>(values: T): Partial<Present<T>>;
function present(values: object): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

export function specMessage(spec: MachineSpec): DefineRequest {
  return create(DefineRequestSchema, {
    ...spec,
    disks: spec.disks.map((disk) => ({ ...disk })),
    nics: spec.nics.map((nic) => ({ ...nic })),
    sshKeys: [...(spec.sshKeys ?? [])],
    bootOrder: [...(spec.bootOrder ?? [])],
    ...(spec.copyOf && { copyOf: { ...spec.copyOf } }),
  });
}

const architectureOf = (text: string): MachineSpec["architecture"] => (text === "aarch64" ? "aarch64" : "x86_64");

export function specOf(message: DefineRequest): MachineSpec {
  const { vmId, owner, hostname, cpu, memoryMib, disks, nics, sshKeys, bootOrder, copyOf } = message;
  const { hostId, imageId, userData } = message;
  return {
    vmId,
    owner,
    hostname,
    cpu,
    memoryMib,
    architecture: architectureOf(message.architecture),
    disks: disks.map(({ id, sizeGib }) => ({ id, sizeGib })),
    nics: nics.map(({ id, portId, macAddress }) => ({ id, portId, macAddress })),
    ...present({ hostId, imageId, userData }),
    ...(message.machine === "microvm" || message.machine === "standard" ? { machine: message.machine } : {}),
    ...(sshKeys.length > 0 && { sshKeys }),
    ...(bootOrder.length > 0 && { bootOrder }),
    ...(copyOf && { copyOf: { vmId: copyOf.vmId, snapshotId: copyOf.snapshotId } }),
  };
}

export function imageOf({ imageId, format, architecture, url, digest }: EnsureImageRequest): ImageSource {
  return {
    imageId,
    format: format === "raw" ? "raw" : "qcow2",
    architecture: architectureOf(architecture),
    ...present({ url, digest }),
  };
}

export function stateMessage(state: MachineState | undefined): MessageInitShape<typeof GetStateResponseSchema> {
  return state === undefined ? {} : { ...state };
}

export function stateOf(message: GetStateResponse): MachineState | undefined {
  const { state, reason, needsRestart, trouble } = message;
  switch (state) {
    case undefined:
      return undefined;
    case "stopped":
    case "starting":
    case "stopping":
      return { state };
    case "running":
      return { state, needsRestart, ...present({ trouble }) };
    default:
      return { state: "failed", reason };
  }
}

export function offerOf(message: MoveOfferMessage | undefined): MoveOffer {
  const { address, secret, hostId } = message ?? { address: "", secret: "" };
  return { address, secret, ...present({ hostId }) };
}

export function moveMessage(state: MoveState | undefined): MessageInitShape<typeof GetMoveResponseSchema> {
  return state === undefined ? {} : { ...state };
}

export function moveOf({ phase, copiedBytes, totalBytes, reason }: GetMoveResponse): MoveState | undefined {
  if (phase === undefined) return undefined;
  if (phase === "copying") return { phase, copiedBytes, totalBytes };
  return phase === "done" ? { phase } : { phase: "failed", reason };
}

export function statisticsOf({ cpuSeconds, memoryBytes, disks, nics, guest }: MachineUsage): MachineStatistics {
  return {
    cpuSeconds,
    memoryBytes,
    disks: disks.map(({ id, readBytes, writtenBytes, readOperations, writeOperations }) => ({
      id,
      readBytes,
      writtenBytes,
      readOperations,
      writeOperations,
    })),
    nics: nics.map(({ id, receivedBytes, sentBytes, receivedPackets, sentPackets }) => ({
      id,
      receivedBytes,
      sentBytes,
      receivedPackets,
      sentPackets,
    })),
    ...(guest && { guest: { hostname: guest.hostname, os: guest.os } }),
  };
}

export function usageMessage({ disks, nics, ...rest }: MachineStatistics): MessageInitShape<typeof MachineUsageSchema> {
  return { ...rest, disks: disks.map((disk) => ({ ...disk })), nics: nics.map((nic) => ({ ...nic })) };
}

export function exportOf({ diskId, snapshotId, format }: ExportDiskRequest): ExportSource {
  return { diskId, ...present({ snapshotId }), format: format === "raw" ? "raw" : "qcow2" };
}

/** The parts of a file as they come. @param leave is called when no more of them are wanted. */
export async function* exportedParts(
  next: () => Promise<IteratorResult<ExportDiskResponse, unknown>>,
  leave: () => unknown,
): AsyncGenerator<FilePart> {
  try {
    for (let one = await next(); one.done !== true; one = await next())
      yield one.value.zeros > 0 ? { zeros: one.value.zeros } : one.value.data;
  } finally {
    await leave();
  }
}
