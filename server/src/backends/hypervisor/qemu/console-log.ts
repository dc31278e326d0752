// A guest writes what it likes to its serial console, and QEMU keeps all of it: here the file is cut, while QEMU goes on appending to it.
import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readSync, statSync, writeFileSync } from "node:fs";

/** How much is kept at least, in bytes; at most it is three times as much for a moment. */
export const keptBytes = 1024 ** 2;

const before = (file: string): string => `${file}.1`;

/** Cuts the file where it has grown too long: its end moves to a file beside it. */
export function boundLog(file: string, kept = keptBytes): void {
  if (!existsSync(file) || statSync(file).size <= kept) return;
  const fd = openSync(file, "r+");
  try {
    const end = tailOf(fd, kept);
    // QEMU appends: what follows begins at the start again.
    ftruncateSync(fd, 0);
    writeFileSync(before(file), end, { mode: 0o600 });
  } finally {
    closeSync(fd);
  }
}

/** The last bytes of what the guest has written. */
export function readLog(file: string, maxBytes: number): Uint8Array {
  const now = tailOfFile(file, maxBytes);
  const earlier = tailOfFile(before(file), maxBytes - now.length);
  return Buffer.concat([earlier, now]);
}

function tailOfFile(file: string, maxBytes: number): Buffer {
  if (maxBytes <= 0 || !existsSync(file)) return Buffer.alloc(0);
  const fd = openSync(file, "r");
  try {
    return tailOf(fd, maxBytes);
  } finally {
    closeSync(fd);
  }
}

function tailOf(fd: number, maxBytes: number): Buffer {
  const { size } = fstatSync(fd);
  const bytes = Buffer.alloc(Math.min(size, maxBytes));
  const read = readSync(fd, bytes, 0, bytes.length, size - bytes.length);
  return bytes.subarray(0, read);
}
