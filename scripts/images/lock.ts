// Keeps several processes from doing the same work at the same time.
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";

/** How often it is looked whether the other one is done. Milliseconds. */
const lookMs = 100;

/** Does the work while the file is ours. One that a process left which is gone is taken over. */
export function withLock(file: string, work: () => void): void {
  while (!take(file)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lookMs);
  try {
    work();
  } finally {
    rmSync(file, { force: true });
  }
}

function take(file: string): boolean {
  try {
    const fd = openSync(file, "wx");
    writeSync(fd, String(process.pid));
    closeSync(fd);
    return true;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    if (isLeft(file)) rmSync(file, { force: true });
    return false;
  }
}

function isLeft(file: string): boolean {
  try {
    const owner = readFileSync(file, "utf8");
    return owner !== "" && !existsSync(`/proc/${owner}`);
  } catch {
    return false;
  }
}
