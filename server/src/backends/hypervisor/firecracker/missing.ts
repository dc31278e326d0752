// Whether microVMs can run here.
import { isAbsolute, join } from "node:path";
import { isExecutable } from "../../linux/executable.ts";
import { type Accelerator, pickAccelerator } from "../qemu/accelerator.ts";

export interface Needed {
  /** Default "firecracker". */
  readonly program?: string;
  /** Default: what a probe finds out about this host's KVM. */
  readonly accelerator?: Accelerator;
}

/** A sentence that says why microVMs can't run here; undefined: they can. */
export async function firecrackerMissing({
  program = "firecracker",
  accelerator,
}: Needed = {}): Promise<string | undefined> {
  const missing = [program, "qemu-img", "setpriv", "nsenter", "ip", "mkfifo"].filter((one) => !isInstalled(one));
  if (missing.length > 0) return `not installed: ${missing.join(", ")}`;
  const { name, why } = accelerator ?? (await pickAccelerator("qemu-system-x86_64"));
  if (name === "kvm") return undefined;
  return `microVMs need a KVM that runs ordinary guests: ${why.split(":")[0]}`;
}

function isInstalled(program: string): boolean {
  if (isAbsolute(program)) return isExecutable(program);
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/bin", "/usr/sbin", "/bin", "/sbin"];
  return folders.some((folder) => folder !== "" && isExecutable(join(folder, program)));
}
