// Remembers what the probe for KVM found, since it takes seconds where KVM is slow: until the host is booted again or has another QEMU.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { type Accelerator, pickAccelerator } from "./qemu/accelerator.ts";

interface Known {
  /** What it was found with. */
  readonly key: string;
  readonly accelerator: Accelerator;
}

/** @param file of this host alone, and only we may write it. */
export async function knownAccelerator(program: string, file: string): Promise<Accelerator> {
  const key = keyOf(program);
  const known = read(file);
  if (known?.key === key) return known.accelerator;
  const accelerator = await pickAccelerator(program);
  mkdirSync(dirname(file), { recursive: true, mode: 0o711 });
  const found: Known = { key, accelerator };
  writeFileSync(file, JSON.stringify(found), { mode: 0o600 });
  return accelerator;
}

function keyOf(program: string): string {
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  const [version = ""] = execFileSync(program, ["--version"], { encoding: "utf8" }).split("\n");
  return `${boot} ${version} ${existsSync("/dev/kvm")}`;
}

// What is in it is what `knownAccelerator` wrote, or nothing that can be read.
function read(file: string): Known | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}
