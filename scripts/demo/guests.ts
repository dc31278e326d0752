// The demo's real guests: what they need, or why there are none; and their consoles, which the demo types on.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { machineFolders } from "../../server/src/backends/hypervisor/folders.ts";
import { howToGetQemu } from "../../server/src/backends/hypervisor/pick.ts";
import { qemuMissing } from "../../server/src/backends/hypervisor/qemu/index.ts";
import { type MachineFiles, machineFiles } from "../../server/src/backends/hypervisor/qemu/layout.ts";
import { ovnMissing } from "../../server/src/backends/network/ovn/private/missing.ts";
import { tinyImage, tinyImageMissing, tinyImagePackages } from "../images/tiny.ts";
import { root } from "../steps.ts";

/** Where guests can run: what the server is told. */
export interface GuestPlace {
  readonly flags: readonly string[];
  /** Where their disks are; undefined: nothing is run. */
  readonly machines: string | undefined;
}

/** How long a guest may take to boot. Milliseconds; emulated, it takes less than ten seconds on an idle machine, and minutes where many others want it. */
const bootMs = 300_000;
/** How much of its console is told of one that does not. */
const lastLines = 10;
/** How long a command on a console may take, and its answer on top. */
const commandSeconds = 3;
const answerMs = 10_000;

/** Builds the guests' image, once in a checkout; says why there are no guests where there can't be any. */
export function prepareGuests(): GuestPlace {
  const images = join(root, ".photon/images");
  const missing = ovnMissing() ?? qemuMissing() ?? imageProblem(images);
  if (missing !== undefined) {
    console.log(`  No guest runs here: ${missing}`);
    const packages = [...new Set([...howToGetQemu.split(" "), ...tinyImagePackages])];
    if (ovnMissing() === undefined) console.log(`  For real guests, after apt-get update: ${packages.join(" ")}`);
    return { flags: ["--hypervisor", "simulated"], machines: undefined };
  }
  // Each machine is a user of its own, who must be able to reach its files.
  const machines = mkdtempSync("/var/tmp/photon-demo-");
  chmodSync(machines, 0o711);
  return { flags: ["--images", images, "--machines", machines], machines };
}

export function removeGuests({ machines }: GuestPlace): void {
  if (machines !== undefined) rmSync(machines, { recursive: true, force: true });
}

function imageProblem(images: string): string | undefined {
  const missing = tinyImageMissing();
  if (missing !== undefined) return missing;
  try {
    tinyImage(images);
    return undefined;
  } catch (error) {
    return `the guests' image can't be built: ${error instanceof Error ? error.message : error}`;
  }
}

/** A guest, by what it says on its console. */
export class Guest {
  readonly #files: MachineFiles;

  /** @param dataDir the server's. */
  constructor(dataDir: string, machines: string, vmId: string) {
    this.#files = machineFiles(machineFolders(dataDir, machines), vmId);
  }

  /** Resolves with the first line that the guest says of itself when it is up. @throws Error if it does not boot. */
  async booted(): Promise<string> {
    let said = "";
    for (const end = Date.now() + bootMs; Date.now() < end; await wait(100)) {
      said = existsSync(this.#files.consoleLog) ? readFileSync(this.#files.consoleLog, "utf8") : "";
      const line = /^tick \d+ (host=.*addresses=\S+)/m.exec(said)?.[1];
      if (/^READY/m.test(said) && line !== undefined) return line;
    }
    const last = said.trimEnd().split("\n").slice(-lastLines).join("\n");
    throw new Error(
      `the guest did not boot and get an address within ${bootMs / 1000} seconds; its console says\n${last}`,
    );
  }

  /** Types a command on its console; answers what it printed, "" if it failed. */
  async run(words: readonly string[]): Promise<string> {
    // What is typed comes back, too: the marks are spelled in a way that only what is printed has them.
    const said = await this.#type(
      `echo be""gin; timeout ${commandSeconds} ${words.join(" ")} && echo o""k; echo e""nd`,
      /^end$/m,
    );
    const [, printed = ""] = /^begin\n(.*)^ok\nend$/ms.exec(said) ?? [];
    return printed.replaceAll(/^tick .*\n/gm, "");
  }

  #type(line: string, last: RegExp): Promise<string> {
    const console = connect(this.#files.console);
    let said = "";
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => console.destroy(), answerMs);
      console.once("error", reject);
      console.once("close", () => {
        clearTimeout(timer);
        resolve(said);
      });
      console.on("data", (bytes: Buffer) => {
        said += bytes.toString().replaceAll("\r", "");
        if (last.test(said)) console.destroy();
      });
      console.write(`${line}\n`);
    });
  }
}
