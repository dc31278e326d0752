// Reads the head of a qcow2 file (QEMU, docs/interop/qcow2.txt) before any program opens it: one that names other files would have them opened.
import { closeSync, openSync, readSync } from "node:fs";
import { DriverError } from "../../driver-error.ts";

const magic = 0x51_46_49_fb;
const headBytes = 104;
/** Version 2 has no features; since version 3 the head says what a reader must know of. */
const [oldest, newest, firstWithFeatures] = [2, 3, 3];
/** Bits of the features that a reader must know: the file was not closed, and how its clusters are packed. */
const [dirty, compressionType, extendedL2] = [1n << 0n, 1n << 3n, 1n << 4n];
const dataFile = 1n << 2n;
const known = dirty | compressionType | extendedL2;

/** What is read of a file's head. */
export interface Head {
  /** Bytes, as a guest sees it. */
  readonly virtualSize: number;
  /** Whether it names another file that it stands on. */
  readonly hasBacking: boolean;
}

/** Answers the virtual size in bytes. @throws DriverError "refused" if it is no qcow2 file that stands by itself. */
export function checkWhole(file: string, what: string): number {
  const { virtualSize, hasBacking } = checkHead(file, what);
  if (hasBacking) throw new DriverError("refused", `${what} stands on another file; give one that is whole`);
  return virtualSize;
}

/** @throws DriverError "refused" if a program that opens it would open more than it and what it stands on. */
export function checkHead(file: string, what: string): Head {
  const head = headOf(file);
  if (head.length < 72 || head.readUInt32BE(0) !== magic) throw new DriverError("refused", `${what} is no qcow2 file`);
  const version = head.readUInt32BE(4);
  if (version < oldest || version > newest)
    throw new DriverError("refused", `${what} is qcow2 of version ${version}; give version ${oldest} or ${newest}`);
  if (head.readUInt32BE(32) !== 0) throw new DriverError("refused", `${what} is encrypted; give one that is not`);
  if (version >= firstWithFeatures && head.length < headBytes)
    throw new DriverError("refused", `${what} is no qcow2 file: its head is cut short`);
  const features = version < firstWithFeatures ? 0n : head.readBigUInt64BE(72);
  if ((features & dataFile) !== 0n)
    throw new DriverError("refused", `${what} keeps its data in another file; give one that is whole`);
  if ((features & ~known) !== 0n)
    throw new DriverError("refused", `${what} needs features of qcow2 that are not known here`);
  return { virtualSize: Number(head.readBigUInt64BE(24)), hasBacking: head.readBigUInt64BE(8) !== 0n };
}

function headOf(file: string): Buffer {
  const fd = openSync(file, "r");
  try {
    const head = Buffer.alloc(headBytes);
    return head.subarray(0, readSync(fd, head, 0, headBytes, 0));
  } finally {
    closeSync(fd);
  }
}
