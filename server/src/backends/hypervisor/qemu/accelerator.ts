// Finds out whether this host's KVM runs ordinary guests. That /dev/kvm opens and a start succeeds tells little: under nested virtualization without
// hardware help guests crawl. So a tiny program is run as a guest, and its time compared with emulation's.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How guests are run. */
export interface Accelerator {
  readonly name: "kvm" | "tcg";
  /** A sentence for the operator. */
  readonly why: string;
}

/**
 * A multiboot program of 241 bytes: enters long mode with paging, executes cpuid, swapgs and invlpg, stores a million times, and leaves by port 0xf4.
 */
const probe =
  "ArCtGwAAAQD+T1HkAAAQAAAAEAAAAAAAAAAAACAAEAD6Zrr0AL8AACAAMcC5AAwAAPOrxwUAACAAAxAgAMcFABAgAAMgIADHBQAgIACDAAAAxwUIICAAgwAgALgAACAADyLYDyDgg8ggDyLguYAAAMAPMg0AAQAADzAPIMANAAAAgA8iwA8BFbAAEADqtgAQAAgADx9EAAAAAAAAAAAAAP//AAAAmq8A//8AAACSrwAXAJgAEABmuBAAjtiO0EjHxADwHwAxwA+iDwH4DwH4DwE8JQAAIAC5QEIPAIkMJQDgHwD/yXX1Zrr0ALAg7vTr/Q==";
/** What the program leaves with, as QEMU's exit device makes an exit code of it. */
const success = 65;
const longestMs = 5_000;
/** Usable: within this, and not much slower than emulation. */
const usableMs = 1_000;
const timesEmulation = 3;

/** The group that may open KVM, where not everybody may. */
export function groupsOfKvm(): readonly number[] {
  const { gid, mode } = statSync("/dev/kvm", { throwIfNoEntry: false }) ?? { gid: 0, mode: 0 };
  return gid !== 0 && (mode & 0o006) !== 0o006 ? [gid] : [];
}

let known: Promise<Accelerator> | undefined;

/** Probes once in a process. */
export function pickAccelerator(program: string): Promise<Accelerator> {
  known ??= pick(program);
  return known;
}

async function pick(program: string): Promise<Accelerator> {
  if (!existsSync("/dev/kvm"))
    return { name: "tcg", why: "this host has no /dev/kvm: guests are emulated, which is slow" };
  const dir = mkdtempSync(join(tmpdir(), "photon-probe-"));
  try {
    const file = join(dir, "probe.bin");
    writeFileSync(file, Buffer.from(probe, "base64"));
    const emulated = await timed(program, "tcg", file);
    const virtual = await timed(program, "kvm", file);
    if (virtual !== undefined && virtual < usableMs && virtual < timesEmulation * (emulated ?? usableMs))
      return { name: "kvm", why: `KVM ran a probe in ${virtual} ms` };
    const found =
      virtual === undefined
        ? "did not run a probe"
        : `took ${virtual} ms for a probe that emulation runs in ${emulated} ms`;
    return { name: "tcg", why: `KVM is there but ${found}: guests are emulated, which is slow` };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Milliseconds; undefined: it did not come to its end. */
function timed(program: string, accelerator: string, kernel: string): Promise<number | undefined> {
  const exit = ["-device", "isa-debug-exit,iobase=0xf4,iosize=1"];
  const machine = [
    "-accel",
    accelerator,
    "-machine",
    "microvm",
    "-m",
    "16",
    "-nodefaults",
    "-display",
    "none",
    "-no-reboot",
  ];
  const start = performance.now();
  return new Promise((resolve) => {
    const child = spawn(program, [...machine, ...exit, "-kernel", kernel], {
      stdio: "ignore",
      timeout: longestMs,
      killSignal: "SIGKILL",
    });
    child.once("error", () => resolve(undefined));
    child.once("exit", (code) => resolve(code === success ? Math.round(performance.now() - start) : undefined));
  });
}
