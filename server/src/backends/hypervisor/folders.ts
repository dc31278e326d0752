// Where a server keeps its machines. Each runs as a user of its own, who must be able to enter every folder on the way to its disks.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { HostFolders } from "./qemu/layout.ts";

const everyonesData = "/var/lib/photoncloud";
const everyonesRun = existsSync("/run") ? "/run/photoncloud" : "/tmp/photoncloud";

/** What only this host knows, for as long as it runs. */
export const acceleratorFile = join(everyonesRun, "accelerator.json");

/**
 * @param dataDir the server's, which nobody else may enter as a rule; made if it is not there.
 * @param machines what the operator said.
 */
export function machineFolders(dataDir: string, machines: string | undefined): HostFolders {
  const own = resolve(dataDir);
  const name = createHash("sha256").update(own).digest("hex").slice(0, 8);
  mkdirSync(own, { recursive: true, mode: 0o700 });
  const data = canBeEntered(own) ? join(own, "qemu") : join(everyonesData, name);
  return { data: machines === undefined ? data : resolve(machines), run: join(everyonesRun, name) };
}

/** Beside those of standard machines, which have drivers of their own. */
export function microvmFolders({ data, run }: HostFolders): HostFolders {
  return { data: join(data, "microvms"), run: join(run, "m") };
}

/** Whether every user may pass through it. */
function canBeEntered(folder: string): boolean {
  if ((statSync(folder).mode & 0o001) === 0) return false;
  return folder === dirname(folder) || canBeEntered(dirname(folder));
}
