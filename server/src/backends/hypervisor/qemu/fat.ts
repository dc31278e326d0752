// Writes a small FAT12 disk with a few files in its root: the form in which cloud-init's NoCloud reads a seed (Microsoft, "FAT: General Overview of
// On-Disk Format", 1.03). The same files give the same bytes.

import { closeSync, ftruncateSync, openSync, writeFileSync } from "node:fs";

/** Bytes of a sector, which is a cluster too. */
const sectorSize = 512;
/** 1 MiB: above what user data may be, below FAT12's 4084 clusters. */
const sectors = 2048;
const fatSectors = 6;
const rootEntries = 128;
const rootSectors = (rootEntries * 32) / sectorSize;
const firstData = 1 + 2 * fatSectors + rootSectors;
/** Characters of a long name in one directory entry. */
const charactersPerEntry = 13;
const [longName, archive, volumeLabel] = [0x0f, 0x20, 0x08] as const;
const endOfChain = 0xfff;

export interface SeedFile {
  readonly name: string;
  readonly data: Uint8Array;
}

function bootSector(label: string): Buffer {
  const boot = Buffer.alloc(sectorSize);
  boot.write("\xeb\x3c\x90PHOTON  ", 0, "latin1");
  boot.writeUInt16LE(sectorSize, 11);
  boot.writeUInt8(1, 13);
  boot.writeUInt16LE(1, 14);
  boot.writeUInt8(2, 16);
  boot.writeUInt16LE(rootEntries, 17);
  boot.writeUInt16LE(sectors, 19);
  boot.writeUInt8(0xf8, 21);
  boot.writeUInt16LE(fatSectors, 22);
  boot.writeUInt16LE(32, 24);
  boot.writeUInt16LE(2, 26);
  boot.writeUInt8(0x80, 36);
  boot.writeUInt8(0x29, 38);
  boot.writeUInt32LE(0x50484f54, 39);
  boot.write(label.padEnd(11), 43, "latin1");
  boot.write("FAT12   ", 54, "latin1");
  boot.writeUInt16LE(0xaa55, 510);
  return boot;
}

function setLink(fat: Buffer, cluster: number, next: number): void {
  const at = cluster + (cluster >> 1);
  const pair = fat.readUInt16LE(at);
  fat.writeUInt16LE(cluster % 2 === 0 ? (pair & 0xf000) | next : (pair & 0x000f) | (next << 4), at);
}

function entry(name: string, attribute: number, cluster: number, size: number): Buffer {
  const bytes = Buffer.alloc(32);
  bytes.write(name.padEnd(11), 0, "latin1");
  bytes.writeUInt8(attribute, 11);
  bytes.writeUInt16LE(cluster, 26);
  bytes.writeUInt32LE(size, 28);
  return bytes;
}

function checksum(shortName: string): number {
  return [...Buffer.from(shortName.padEnd(11), "latin1")].reduce(
    (sum, c) => (((sum & 1) << 7) + (sum >> 1) + c) & 255,
    0,
  );
}

/** The entries of a long name, the last part first, as they stand before the short one. */
function longEntries(name: string, shortName: string): Buffer[] {
  const parts = Math.ceil(name.length / charactersPerEntry);
  const places = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
  return Array.from({ length: parts }, (_, i) => {
    const bytes = Buffer.alloc(32);
    bytes.writeUInt8((i + 1) | (i === parts - 1 ? 0x40 : 0), 0);
    bytes.writeUInt8(longName, 11);
    bytes.writeUInt8(checksum(shortName), 13);
    for (const [k, place] of places.entries()) {
      const at = i * charactersPerEntry + k;
      bytes.writeUInt16LE(at < name.length ? name.charCodeAt(at) : at === name.length ? 0 : 0xffff, place);
    }
    return bytes;
  }).toReversed();
}

/** Writes a disk to a file that its owner alone may read. Its empty end becomes a hole. */
export function writeFatDisk(file: string, disk: Buffer): void {
  const empty = Buffer.alloc(sectorSize);
  let end = disk.length;
  while (end >= sectorSize && disk.subarray(end - sectorSize, end).equals(empty)) end -= sectorSize;
  const fd = openSync(file, "w", 0o600);
  try {
    writeFileSync(fd, disk.subarray(0, end));
    ftruncateSync(fd, disk.length);
  } finally {
    closeSync(fd);
  }
}

/** @throws Error if the files don't fit into 1 MiB. */
export function fatDisk(label: string, files: readonly SeedFile[]): Buffer {
  const disk = Buffer.alloc(sectors * sectorSize);
  const fat = Buffer.alloc(fatSectors * sectorSize);
  setLink(fat, 0, 0xff8);
  setLink(fat, 1, endOfChain);
  const root = [entry(label, volumeLabel, 0, 0)];
  let next = 2;
  for (const [i, { name, data }] of files.entries()) {
    const clusters = Math.ceil(data.length / sectorSize);
    if (firstData + next - 2 + clusters > sectors) throw new Error(`${name} does not fit on a seed of 1 MiB`);
    for (let k = 0; k < clusters; k++) setLink(fat, next + k, k === clusters - 1 ? endOfChain : next + k + 1);
    disk.set(data, (firstData + next - 2) * sectorSize);
    const shortName = `FILE~${i + 1}`;
    root.push(...longEntries(name, shortName), entry(shortName, archive, clusters === 0 ? 0 : next, data.length));
    next += clusters;
  }
  disk.set(bootSector(label), 0);
  disk.set(fat, sectorSize);
  disk.set(fat, (1 + fatSectors) * sectorSize);
  disk.set(Buffer.concat(root), (1 + 2 * fatSectors) * sectorSize);
  return disk;
}
