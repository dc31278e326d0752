// Reads photoncloud.api.v1.ErrorInfo by itself: a program that starts for one call loads no descriptors for the error that it may get.
import { BinaryReader } from "@bufbuild/protobuf/wire";

/** As the generated message has it; what an answer does not have is empty. */
export interface ErrorInfo {
  reason: string;
  /** The number of a photoncloud.api.v1.Retry. */
  retry: number;
  requestId: string;
  violations: Violation[];
  resources: string[];
  permission: string;
}

export interface Violation {
  path: string;
  rule: string;
  message: string;
}

/** Reads a field by its number; answers whether it knows it. */
type ReadField = (number: number, reader: BinaryReader) => boolean;

/** Fields of a newer cloud are passed over. */
function readFields(reader: BinaryReader, end: number, read: ReadField): void {
  while (reader.pos < end) {
    const [number, wireType] = reader.tag();
    if (!read(number, reader)) reader.skip(wireType);
  }
}

function readViolation(reader: BinaryReader): Violation {
  const violation = { path: "", rule: "", message: "" };
  const names = ["path", "rule", "message"] as const;
  readFields(reader, reader.uint32() + reader.pos, (number) => {
    const name = names[number - 1];
    if (name !== undefined) violation[name] = reader.string();
    return name !== undefined;
  });
  return violation;
}

const fields: Readonly<Record<number, (info: ErrorInfo, reader: BinaryReader) => void>> = {
  1: (info, reader) => {
    info.reason = reader.string();
  },
  2: (info, reader) => {
    info.retry = reader.int32();
  },
  3: (info, reader) => {
    info.requestId = reader.string();
  },
  4: (info, reader) => info.violations.push(readViolation(reader)),
  5: (info, reader) => info.resources.push(reader.string()),
  6: (info, reader) => {
    info.permission = reader.string();
  },
};

/** @throws Error where the bytes are no message */
export function readErrorInfo(bytes: Uint8Array): ErrorInfo {
  const info: ErrorInfo = { reason: "", retry: 0, requestId: "", violations: [], resources: [], permission: "" };
  const reader = new BinaryReader(bytes);
  readFields(reader, reader.len, (number) => {
    fields[number]?.(info, reader);
    return number in fields;
  });
  return info;
}
