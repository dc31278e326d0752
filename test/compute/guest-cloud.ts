// A whole cloud with real guests: the server, an OVN of its own, QEMU and the tiny image; and what guests say on their consoles.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { tinyImage, tinyImageMissing } from "../../scripts/images/tiny.ts";
import { machineFolders } from "../../server/src/backends/hypervisor/folders.ts";
import { qemuMissing } from "../../server/src/backends/hypervisor/qemu/index.ts";
import { type MachineFiles, machineFiles } from "../../server/src/backends/hypervisor/qemu/layout.ts";
import { ovnMissing } from "../../server/src/backends/network/ovn/private/missing.ts";

/** How long a guest may take to boot or to do what it is told, in milliseconds: emulated, several at once, on a busy machine. */
export const guestPatienceMs = 120_000;

/** Why no guest can be had here; undefined: they can. */
export function guestsMissing(): string | undefined {
  return ovnMissing() ?? qemuMissing() ?? tinyImageMissing();
}

export interface GuestCloud {
  readonly cloud: TestCloud;
  /** The network namespace of its only host. */
  readonly hostNamespace: string;
  /** What there is of a machine on the host. */
  files(vmId: string): MachineFiles;
  /** Resolves when a guest's console has said it at least so many times (default 1); answers the last of them. */
  says(vmId: string, words: RegExp, times?: number): Promise<RegExpExecArray>;
  stop(): Promise<void>;
}

export interface GuestCloudOptions {
  /** The folder of the built-in images. Default: the tests' own, with the tiny image alone. */
  readonly images?: string;
  /** How long guests may take to say something, in milliseconds. Default guestPatienceMs. */
  readonly patienceMs?: number;
}

export async function startGuestCloud(options: GuestCloudOptions = {}): Promise<GuestCloud> {
  const { images = ".photon/images", patienceMs = guestPatienceMs } = options;
  if (options.images === undefined) tinyImage(images);
  // Each machine runs as a user of its own, who must be able to reach its files.
  const machines = mkdtempSync(join(tmpdir(), "pm-"));
  chmodSync(machines, 0o711);
  const argv = ["--network", "ovn", "--hypervisor", "qemu", "--images", images, "--machines", machines];
  const cloud = await startTestCloud({ argv });
  const folders = machineFolders(cloud.dataDir, machines);
  const { hosts } = JSON.parse(readFileSync(join(cloud.dataDir, "network.json"), "utf8"));
  const files = (vmId: string) => machineFiles(folders, vmId);
  return {
    cloud,
    hostNamespace: hosts[0].namespace,
    files,
    says: (vmId, words, times = 1) => untilSaid(files(vmId).consoleLog, words, times, patienceMs),
    stop: async () => {
      await cloud.stop();
      rmSync(machines, { recursive: true, force: true });
    },
  };
}

/** Without the shell's prompt, which may stand before what a program says, and the terminal's carriage returns. */
function linesOf(console: string): string {
  return console.replaceAll("\r", "").replaceAll("/ # \u001b[6n", "");
}

/** All that a console's log says of it so far. */
export function said(file: string, words: RegExp): readonly RegExpExecArray[] {
  const all = new RegExp(words.source, `${words.flags.replace("g", "")}g`);
  return existsSync(file) ? [...linesOf(readFileSync(file, "utf8")).matchAll(all)] : [];
}

/** Resolves when a console's log says it at least so many times; answers the last of them. @param patienceMs default guestPatienceMs. @throws Error after that. */
export async function untilSaid(
  file: string,
  words: RegExp,
  times = 1,
  patienceMs = guestPatienceMs,
): Promise<RegExpExecArray> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const found = said(file, words);
    const last = found.at(-1);
    if (last !== undefined && found.length >= times) return last;
    if (Date.now() > deadline) {
      const log = existsSync(file) ? linesOf(readFileSync(file, "utf8")) : "";
      throw new Error(`the guest said ${words} ${found.length} times, not ${times}; it said\n${log}`);
    }
    await wait(100);
  }
}
