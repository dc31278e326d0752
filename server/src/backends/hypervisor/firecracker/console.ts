// A microVM's serial console: what the guest writes is in a file, and what is typed goes into a pipe. Both outlive us.
import { closeSync, constants, existsSync, fstatSync, openSync, readSync, statSync, watch, writeSync } from "node:fs";
import { Duplex } from "node:stream";
import { systemClock } from "../../../clock.ts";
import { hasCode } from "../../../has-code.ts";
import { boundLog } from "../qemu/console-log.ts";
import type { MicrovmFiles } from "./layout.ts";

/** How much room Firecracker's log may take, in bytes. */
const longest = 4 * 1024 ** 2;
/** How much is read at once, in bytes. */
const chunkBytes = 64 * 1024;
/** How long to wait, in milliseconds, before a pipe is tried again whose guest does not read. */
const fullPipeMs = 50;

/** Cuts what has become long to its end. */
export function trimLogs({ consoleLog, log }: MicrovmFiles): void {
  boundLog(consoleLog);
  if (takes(log) > longest) boundLog(log);
}

/** Bytes on the disk: Firecracker goes on where it was in a log that was cut, which leaves a hole before it. */
function takes(file: string): number {
  return existsSync(file) ? statSync(file).blocks * 512 : 0;
}

/** Bytes both ways, from now on. It ends with the machine. */
export function openConsole(files: MicrovmFiles, ended: Promise<unknown>): Duplex {
  const log = openSync(files.consoleLog, "r");
  const pipe = openSync(files.input, constants.O_RDWR | constants.O_NONBLOCK);
  let at = fstatSync(log).size;
  let wanted = false;
  const pump = () => {
    while (wanted && !terminal.destroyed) {
      at = Math.min(at, fstatSync(log).size);
      const bytes = readAt(log, at, chunkBytes);
      if (bytes.length === 0) return;
      at += bytes.length;
      wanted = terminal.push(bytes);
    }
  };
  const watcher = watch(files.consoleLog, pump);
  const terminal: Duplex = new Duplex({
    allowHalfOpen: false,
    read() {
      wanted = true;
      pump();
    },
    write: (bytes: Buffer, _encoding, done) =>
      void type(pipe, bytes, () => terminal.destroyed).then(() => done(), done),
    destroy(error, done) {
      watcher.close();
      closeSync(log);
      closeSync(pipe);
      done(error);
    },
  });
  void ended.then(() => {
    if (terminal.destroyed) return;
    pump();
    terminal.push(null);
  });
  return terminal;
}

/** Writes all of it, as fast as the guest reads. */
async function type(pipe: number, bytes: Buffer, gone: () => boolean): Promise<void> {
  for (let rest = bytes; rest.length > 0 && !gone(); ) {
    const written = writeSome(pipe, rest);
    rest = rest.subarray(written);
    if (written === 0) await systemClock.sleep(fullPipeMs);
  }
}

/** How much went in; none into a full pipe. */
function writeSome(pipe: number, bytes: Buffer): number {
  try {
    return writeSync(pipe, bytes);
  } catch (error) {
    if (hasCode(error, "EAGAIN")) return 0;
    throw error;
  }
}

function readAt(file: number, position: number, atMost: number): Buffer {
  const bytes = Buffer.alloc(atMost);
  return bytes.subarray(0, readSync(file, bytes, 0, atMost, position));
}
