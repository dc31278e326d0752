// What a plan file says of how much of the configuration it was made for. It is a zip archive (PKWARE's APPNOTE) with a protobuf message in it.
import { open } from "node:fs/promises";
import { BinaryReader } from "@bufbuild/protobuf/wire";

/** The entry with the plan itself. */
const entryName = "tfplan";
/** Fields of the plan: target_addrs, and exclude_addrs of OpenTofu. Without either it is of all. */
const partialFields = new Set([5, 6]);
/** How an encrypted plan of OpenTofu names what nobody else can read. */
const sealed = '"encrypted_data"';

const [localFile, directoryEntry, directoryEnd] = [0x04034b50, 0x02014b50, 0x06054b50];
const littleEndian = (signature: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(signature);
  return bytes;
};

interface Entry {
  readonly name: string;
  /** As stored: deflated or as it is. */
  readonly bytes: Buffer;
  readonly deflated: boolean;
}

/** @throws RangeError where the archive is cut short */
function* entriesOf(zip: Buffer): Generator<Entry> {
  const end = zip.lastIndexOf(littleEndian(directoryEnd));
  if (end < 0) return;
  for (let at = zip.readUInt32LE(end + 16); zip.readUInt32LE(at) === directoryEntry; ) {
    const [size, local] = [zip.readUInt32LE(at + 20), zip.readUInt32LE(at + 42)];
    const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const after = at + 46 + zip.readUInt16LE(at + 28);
    const name = zip.toString("utf8", at + 46, after);
    yield { name, bytes: zip.subarray(from, from + size), deflated: zip.readUInt16LE(at + 10) === 8 };
    at = after + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
}

async function planIn(zip: Buffer): Promise<Buffer | undefined> {
  const entry = [...entriesOf(zip)].find(({ name }) => name === entryName);
  if (entry === undefined || !entry.deflated) return entry?.bytes;
  const { inflateRawSync } = await import("node:zlib");
  return inflateRawSync(entry.bytes);
}

function isPartial(plan: Uint8Array): boolean {
  const reader = new BinaryReader(plan);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (partialFields.has(field)) return true;
    reader.skip(type);
  }
  return false;
}

/** The file, if it may be a plan; most that a command line names are other things, and some are large. */
async function candidate(path: string): Promise<Buffer | undefined> {
  const file = await open(path).catch(() => undefined);
  try {
    const head = Buffer.alloc(4);
    if ((await file?.read(head, 0, head.length, 0))?.bytesRead !== head.length) return undefined;
    const known = head.equals(littleEndian(localFile)) || head.subarray(0, 1).equals(Buffer.from("{"));
    return known ? await file?.readFile() : undefined;
  } catch {
    return undefined;
  } finally {
    await file?.close();
  }
}

/** Whether a file is a plan of a part of the configuration, or one that can't be read; false for any other file, and for none. */
export async function isPartialPlan(path: string): Promise<boolean> {
  const bytes = await candidate(path);
  if (bytes === undefined) return false;
  if (!bytes.subarray(0, 4).equals(littleEndian(localFile))) return bytes.includes(sealed);
  try {
    const plan = await planIn(bytes);
    return plan !== undefined && isPartial(plan);
  } catch {
    return true;
  }
}
