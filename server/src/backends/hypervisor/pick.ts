// Picks what runs machines: QEMU where it can, or a simulation; and says why.
import { existsSync, readdirSync, rmdirSync } from "node:fs";
import type { Clock } from "../../clock.ts";
import { ConfigError } from "../../config-error.ts";
import type { HostNetwork } from "../network/host-network.ts";
import { lateHostNetwork } from "../network/late-host.ts";
import type { ChassisAddress } from "../network/ovn/chassis/chassis.ts";
import { openHostNetwork } from "../network/ovn/chassis/open-vswitch.ts";
import type { RealNetwork } from "../network/pick.ts";
import { builtInFiles, imageFolder } from "./built-in.ts";
import { HypervisorByMachine } from "./by-machine.ts";
import type { HypervisorDriver } from "./driver.ts";
import { acceleratorFile, machineFolders, microvmFolders } from "./folders.ts";
import { knownAccelerator } from "./known-accelerator.ts";
import { openMicrovms } from "./microvms.ts";
import type { MoveTransport } from "./move-transport.ts";
import { Images } from "./qemu/images.ts";
import { openQemu, type QemuOptions, qemuMissing } from "./qemu/index.ts";
import { imagesFolder, machinesFolder } from "./qemu/layout.ts";

/** How Debian and Ubuntu get it. */
export const howToGetQemu = "apt-get install qemu-system-x86 qemu-utils";

export interface HypervisorChoice {
  readonly driver: "auto" | "qemu" | "simulated";
  readonly dataDir: string;
  /** The operator's folders; see HypervisorConfig. */
  readonly images: string | undefined;
  readonly machines: string | undefined;
  /** The ids of the images that are built in, where there is a file for them. */
  readonly builtIn: readonly string[];
  /** What images may be, and where they may come from. */
  readonly imageTerms?: QemuOptions["images"];
  /** What carries machines to other hosts, and who this one is. Undefined: they stay. */
  readonly moves?: { readonly transport: MoveTransport; readonly hostId: string };
  readonly clock?: Clock;
  readonly log: (message: string, error?: unknown) => void;
}

/** Machines that execute something. */
export interface RealHypervisor {
  readonly driver: HypervisorDriver;
  /** Which of the built-in images it has. */
  readonly builtIn: readonly string[];
  /** After the driver is closed. */
  stop(): Promise<void>;
}

/** What of a network machines need. */
type HostsNetwork = Pick<RealNetwork, "hosts" | "own">;

export interface HypervisorPick {
  /** Undefined: a simulation it is. */
  readonly real: RealHypervisor | undefined;
  /** A sentence for the operator. */
  readonly why: string;
}

/** @throws ConfigError if QEMU was insisted on and can't be had. */
export async function pickHypervisor(
  choice: HypervisorChoice,
  network: HostsNetwork | undefined,
): Promise<HypervisorPick> {
  const { driver, log } = choice;
  if (driver === "simulated") return simulated("it was asked for");
  const host = network?.hosts[0];
  const missing = whyNot(network) ?? (driver === "auto" && network?.own ? nothingToRun(choice) : undefined);
  if (missing === undefined && host !== undefined && network !== undefined)
    try {
      return await qemu(choice, host, network);
    } catch (error) {
      if (driver === "qemu") throw new ConfigError(`hypervisor qemu could not be started: ${wordsOf(error)}`);
      log("QEMU could not be started", error);
      return simulated(`QEMU is installed, but could not be started: ${wordsOf(error)}`);
    }
  if (driver === "qemu") throw new ConfigError(`hypervisor qemu can't be had here: ${missing}`);
  return simulated(missing ?? "");
}

function simulated(why: string): HypervisorPick {
  return { real: undefined, why: `no guest runs: ${why}` };
}

/** Undefined: QEMU can be had. */
function whyNot(network: HostsNetwork | undefined): string | undefined {
  const missing = qemuMissing();
  if (missing !== undefined) return `${missing}; for real guests: ${howToGetQemu}`;
  if (process.getuid?.() !== 0) return "machines with users of their own need root";
  if (network === undefined) return "guests need a network that carries packets";
  return network.hosts.length === 0 ? "this machine is no host of the network" : undefined;
}

/** A cloud to try things on has something to start machines from; undefined: it has. */
function nothingToRun({ dataDir, images, machines, builtIn }: HypervisorChoice): string | undefined {
  const folder = imageFolder(dataDir, images);
  const made = machinesFolder(machineFolders(dataDir, machines));
  if (builtInFiles(folder, builtIn).size > 0 || (existsSync(made) && readdirSync(made).length > 0)) return undefined;
  return `QEMU is there, but no image in ${folder} (in a checkout, scripts/images/tiny.ts builds one); --hypervisor qemu goes without`;
}

async function qemu(choice: HypervisorChoice, host: ChassisAddress, { own }: HostsNetwork): Promise<HypervisorPick> {
  const { dataDir, images: given, machines, builtIn, imageTerms, clock, log } = choice;
  const images = imageFolder(dataDir, given);
  const builtInImages = builtInFiles(images, builtIn);
  const folders = machineFolders(dataDir, machines);
  const accelerator = await knownAccelerator("qemu-system-x86_64", acceleratorFile);
  const network = hostNetwork(host, log);
  // One copy of an image, whatever machines are made of it.
  const sharedImages = new Images({
    folder: imagesFolder(folders),
    builtIn: builtInImages,
    localFiles: false,
    ...imageTerms,
  });
  try {
    const common = { network, sharedImages, accelerator, ...(clock && { clock }) };
    const standard = await openQemu({ folders, ...common, ...choice.moves });
    const microvm = await openMicrovms({ folders: microvmFolders(folders), kernelFolder: images, ...common });
    const driver = new HypervisorByMachine({ standard, microvm });
    const has = [...builtInImages.keys()];
    const why = [
      `guests run in ${folders.data}; ${accelerator.why}`,
      has.length === 0 ? `no built-in image in ${images}: import images by their URLs` : `images: ${has.join(", ")}`,
      "missing" in microvm ? `no microVMs: ${microvm.missing}` : "microVMs by Firecracker",
      ...(own ? ["machines stop with this server, since its network does"] : []),
    ];
    const stop = async () => {
      await network.close();
      removeIfEmpty(microvmFolders(folders).run);
      removeIfEmpty(folders.run);
    };
    return { real: { driver, builtIn: has, stop }, why: why.join("; ") };
  } catch (error) {
    await network.close();
    throw error;
  }
}

function hostNetwork(host: ChassisAddress, log: HypervisorChoice["log"]): HostNetwork {
  const open = (signal: AbortSignal) => openHostNetwork(host, { log, signal });
  return lateHostNetwork({ hostId: host.systemId, namespace: host.namespace, open });
}

/** Machines that run on have their sockets in it. */
function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // It is not empty, or not there.
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
