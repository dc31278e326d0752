// Writes the archive that Linux unpacks as its first file system: cpio, the "newc" form (Linux, Documentation/driver-api/early-userspace/buffer-format.rst).

/** A file, folder or symbolic link of an archive. */
export interface Entry {
  /** Without a leading slash. */
  readonly path: string;
  /** Type and permissions, as stat's st_mode: 0o100755, 0o040755, 0o120777. */
  readonly mode: number;
  /** A file's bytes, or a link's target. Default: empty. */
  readonly data?: Uint8Array;
}

const trailer: Entry = { path: "TRAILER!!!", mode: 0 };

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

function encode({ path, mode, data = new Uint8Array() }: Entry, inode: number): Buffer {
  const name = Buffer.from(`${path}\0`);
  const [links, nothing] = [1, 0];
  const fields = [inode, mode, 0, 0, links, nothing, data.length, 0, 0, 0, 0, name.length, 0];
  const head = Buffer.from(`070701${fields.map(hex).join("")}`);
  return Buffer.concat([padded(Buffer.concat([head, name])), padded(Buffer.from(data))]);
}

/** All entries, folders before what is in them; owned by root, without times, so that the same entries give the same bytes. */
export function cpio(entries: readonly Entry[]): Buffer {
  return Buffer.concat([...entries, trailer].map((entry, i) => encode(entry, i + 1)));
}
