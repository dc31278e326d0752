// MicroVMs beside a host's standard machines: Firecracker where it can run, or the reason why it can't.
import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import type { HypervisorDriver } from "./driver.ts";
import { type FirecrackerOptions, firecrackerMissing, openFirecracker } from "./firecracker/index.ts";

export interface MicrovmChoice extends Omit<FirecrackerOptions, "kernel"> {
  /** Where the operator puts what microVMs boot, named `kernelName`. */
  readonly kernelFolder: string;
}

/** An uncompressed Linux kernel: no firmware looks for one on a microVM's disks. */
export const kernelName = "vmlinux";

/** Never fails: a host without microVMs is a host all the same. */
export async function openMicrovms({
  kernelFolder,
  ...options
}: MicrovmChoice): Promise<HypervisorDriver | { readonly missing: string }> {
  const missing = await firecrackerMissing(options);
  if (missing !== undefined) return { missing };
  const kernel = join(kernelFolder, kernelName);
  if (!existsSync(kernel))
    return { missing: `microVMs need a kernel to boot, and the host has no ${kernelName} for them` };
  try {
    return await openFirecracker({ ...options, kernel: { image: reachable(kernel, options.folders.data) } });
  } catch (error) {
    return { missing: `microVMs can't be had: ${error instanceof Error ? error.message : error}` };
  }
}

/** A copy that every machine's user can read; machines that run have read theirs. */
function reachable(kernel: string, folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  const copy = join(folder, kernelName);
  const [given, had] = [statSync(kernel), statSync(copy, { throwIfNoEntry: false })];
  if (had?.size === given.size && had.mtimeMs >= given.mtimeMs) return copy;
  copyFileSync(kernel, `${copy}.new`);
  chmodSync(`${copy}.new`, 0o444);
  renameSync(`${copy}.new`, copy);
  return copy;
}
