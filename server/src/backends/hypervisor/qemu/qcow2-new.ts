// Writes a new qcow2 file (QEMU, docs/interop/qcow2.txt): an empty disk, or one that stands on an image. A program that did it would take longer than
// all else that a machine's disks need.
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";

const [magic, version, headBytes] = [0x51_46_49_fb, 3, 104];
/** 64 KiB, as qemu-img has it. */
const clusterBits = 16;
const clusterBytes = 2 ** clusterBits;
/** Counts of sixteen bits: 2 to the power of this. */
const refcountOrder = 4;
const entryBytes = 8;
/** One entry of the first table leads to a table of a cluster's size, whose entries are a cluster of the disk each. */
const bytesPerEntry = (clusterBytes / entryBytes) * clusterBytes;
/** The head, the table of counts, the counts; then the first table. */
const [countsTable, counts, firstTable] = [1, 2, 3] as const;
const [backingFormat, endOfExtensions] = [0xe2_79_2a_ca, 0] as const;
/** Bytes of a backing file's name (QEMU's own limit). */
const longestName = 1023;

export interface NewDisk {
  /** Bytes, as a guest sees it. */
  readonly virtualSize: number;
  /** The qcow2 file that it stands on, by its absolute path. */
  readonly base?: string;
}

/** Writes the file, which is not there yet; whoever needs it after a power cut has it written out. @throws the system's error */
export function writeNewDisk(file: string, disk: NewDisk): void {
  const entries = Math.ceil(disk.virtualSize / bytesPerEntry);
  const clusters = firstTable + Math.ceil((entries * entryBytes) / clusterBytes);
  const fd = openSync(file, "wx", 0o600);
  try {
    writeSync(fd, headOf(disk, entries), 0, undefined, 0);
    writeSync(fd, bigEndian64(counts * clusterBytes), 0, undefined, countsTable * clusterBytes);
    writeSync(fd, usedOnce(clusters), 0, undefined, counts * clusterBytes);
    ftruncateSync(fd, clusters * clusterBytes);
  } finally {
    closeSync(fd);
  }
}

function headOf({ virtualSize, base = "" }: NewDisk, entries: number): Buffer {
  const name = Buffer.from(base);
  if (name.length > longestName) throw new Error(`a disk can't stand on a file whose name has ${name.length} bytes`);
  const extensions = base === "" ? [] : [extension(backingFormat, "qcow2")];
  const known = Buffer.concat([Buffer.alloc(headBytes), ...extensions, extension(endOfExtensions, "")]);
  known.writeUInt32BE(magic, 0);
  known.writeUInt32BE(version, 4);
  known.writeBigUInt64BE(base === "" ? 0n : BigInt(known.length), 8);
  known.writeUInt32BE(name.length, 16);
  known.writeUInt32BE(clusterBits, 20);
  known.writeBigUInt64BE(BigInt(virtualSize), 24);
  known.writeUInt32BE(entries, 36);
  known.writeBigUInt64BE(BigInt(firstTable * clusterBytes), 40);
  known.writeBigUInt64BE(BigInt(countsTable * clusterBytes), 48);
  known.writeUInt32BE(1, 56);
  known.writeUInt32BE(refcountOrder, 96);
  known.writeUInt32BE(headBytes, 100);
  return Buffer.concat([known, name]);
}

/** Its length is rounded up to eight bytes. */
function extension(type: number, text: string): Buffer {
  const bytes = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8);
  bytes.writeUInt32BE(type, 0);
  bytes.writeUInt32BE(text.length, 4);
  bytes.write(text, 8, "latin1");
  return bytes;
}

function bigEndian64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function usedOnce(clusters: number): Buffer {
  const bytes = Buffer.alloc(2 * clusters);
  for (let i = 0; i < clusters; i++) bytes.writeUInt16BE(1, 2 * i);
  return bytes;
}
