// Between rows and messages. A row's data is what was asked for; its observed bytes are the volatile outputs; etag, times and the
// present status follow from the row itself.
import {
  clone,
  create,
  type DescMessage,
  fromBinary,
  isMessage,
  type Message,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Field, fieldValue } from "@photoncloud/proto";
import { State, type Status, StatusSchema } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { wholeBytes } from "../../engine/message.ts";
import { currentStatus, readyStatus } from "../../engine/status.ts";
import type { ResourceRow } from "../../store/store.ts";
import type { Loaded } from "../kind.ts";
import { isApart, isSecret, prune, writeField } from "./fields.ts";
import type { Slice } from "./slices.ts";

/** What the etag, the times and the status follow from. */
export type Stamp = Pick<ResourceRow, "phase" | "version" | "createdAt" | "updatedAt">;

/** Opaque; another one for each version, and for a resource that was made anew under a chosen id. */
export function etagOf(row: Pick<Stamp, "version" | "createdAt">): string {
  return `${row.createdAt.toString(36)}-${row.version}`;
}

/** The status that a message holds. */
function statusOf(message: Message): Status | undefined {
  const status: unknown = Reflect.get(message, "status");
  return isMessage(status, StatusSchema) ? status : undefined;
}

/** The status as the engine stored it. */
export function storedStatusOf(slice: Slice, row: ResourceRow): Status | undefined {
  return statusOf(fromBinary(slice.kind.desc, row.observed));
}

/** The status to show: a kind that nothing has to make is ready when it is stored. */
function presentStatus(slice: Slice, row: Stamp, stored: Status | undefined): Status {
  if (slice.definition.reconciler === undefined && row.phase === "live") return readyStatus(row.version, "");
  return currentStatus(row, stored);
}

/** The status to show of a row. */
export const statusNow = (slice: Slice, row: ResourceRow): Status =>
  presentStatus(slice, row, storedStatusOf(slice, row));

/**
 * Whether nothing more is to be waited for in a version: it is made as asked for, failed, or overtaken by a deletion. What a version deletes is
 * settled when it is gone.
 */
export function isSettled(slice: Slice, row: ResourceRow, version = row.version): boolean {
  if (row.phase === "deleting") return row.version > version;
  const { state, observedVersion } = statusNow(slice, row);
  return (state === State.READY || state === State.FAILED) && observedVersion >= BigInt(version);
}

/** Sets what follows from the row: etag, times, and the status as it should be shown now. */
export function stamp(slice: Slice, message: Message, row: Stamp): void {
  Reflect.set(message, "etag", etagOf(row));
  Reflect.set(message, "createTime", timestampFromMs(row.createdAt));
  Reflect.set(message, "updateTime", timestampFromMs(row.updatedAt));
  Reflect.set(message, "status", presentStatus(slice, row, statusOf(message)));
}

/** A stored resource as it is answered. `desc` is the slice's own. */
export function messageOf<Desc extends DescMessage>(slice: Slice, desc: Desc, row: ResourceRow): MessageShape<Desc> {
  const message = fromBinary(desc, wholeBytes(row));
  stamp(slice, message, row);
  return message;
}

export function loadedOf<Desc extends DescMessage>(slice: Slice, desc: Desc, row: ResourceRow): Loaded<Desc> {
  const { tenant, id, phase, version, secret } = row;
  return { tenant, id, phase, version, secret, message: messageOf(slice, desc, row) };
}

/** The bytes of what was asked for. */
export function dataOf(slice: Slice, message: Message): Uint8Array {
  return toBinary(slice.kind.desc, slice.hasSecrets ? prunedCopy(slice, message) : askedOf(slice, message));
}

function prunedCopy(slice: Slice, message: Message): Message {
  const asked = clone<DescMessage>(slice.kind.desc, message);
  prune(slice.kind.fields, asked, isApart);
  return asked;
}

/** Where nothing that is kept apart lies deeper (what else is VOLATILE can't), the values need not be copied: that takes most of the time. */
function askedOf(slice: Slice, message: Message): Message {
  const asked = create(slice.kind.desc);
  for (const field of slice.kind.fields) if (!isApart(field)) writeField(asked, field, fieldValue(field, message));
  asked.$unknown = message.$unknown;
  return asked;
}

/** The bytes of the volatile outputs, with the status as it is stored (or none). */
export function observedOf(slice: Slice, message: Message, stored: Status | undefined): Uint8Array {
  const outputs = create(slice.kind.desc);
  const copy = (field: Field) => writeField(outputs, field, fieldValue(field, message));
  slice.observed.forEach(copy);
  if (stored !== undefined) Reflect.set(outputs, "status", stored);
  return toBinary(slice.kind.desc, outputs);
}

/** The bytes of a message for the log: without secrets. */
export function eventBytes(slice: Slice, message: Message): Uint8Array {
  if (!slice.hasSecrets) return toBinary(slice.kind.desc, message);
  const shown = clone<DescMessage>(slice.kind.desc, message);
  prune(slice.kind.fields, shown, isSecret);
  return toBinary(slice.kind.desc, shown);
}

/** The version behind an etag. */
export function versionOf(etag: string): number {
  return Number(etag.slice(etag.lastIndexOf("-") + 1));
}
