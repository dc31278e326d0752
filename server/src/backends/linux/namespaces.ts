// Network namespaces and what is in them, by the `ip` program. `undefined` names the machine's own namespace.
import { readdir } from "node:fs/promises";
import { command, runCommand } from "./command.ts";
import { namespacesFolder } from "./in-network.ts";
import { killProcess } from "./kill.ts";

/** All that have a name. */
export async function namespaces(): Promise<readonly string[]> {
  return readdir(namespacesFolder).catch(() => []);
}

/** `ip` in a namespace, a command a line, up to the first that fails. @throws Error */
export async function ip(namespace: string | undefined, ...lines: readonly string[]): Promise<void> {
  await command("ip", [...inNamespace(namespace), "-batch", "-"], { input: `${lines.join("\n")}\n` });
}

/** As `ip`, but goes on after each failure: for taking away what may not be there. */
export async function ipForced(namespace: string | undefined, ...lines: readonly string[]): Promise<void> {
  await runCommand("ip", [...inNamespace(namespace), "-force", "-batch", "-"], { input: `${lines.join("\n")}\n` });
}

/** A program's words, to be run in a namespace. */
export function inside(namespace: string | undefined, ...words: readonly string[]): readonly string[] {
  return namespace === undefined ? words : ["ip", "netns", "exec", namespace, ...words];
}

export async function addNamespace(name: string): Promise<void> {
  await command("ip", ["netns", "add", name]);
  await ip(name, "link set lo up");
}

/** Ends what runs in it, and takes it away with its devices; succeeds where there is none. */
export async function removeNamespace(name: string): Promise<void> {
  if (!(await namespaces()).includes(name)) return;
  const { stdout } = await runCommand("ip", ["netns", "pids", name]);
  for (const pid of stdout.split("\n").filter((line) => line !== "")) killProcess(Number(pid));
  await command("ip", ["netns", "del", name]);
}

/**
 * Has the kernel write whole checksums into what a device sends. A veth leaves them to a network card that packets through Open vSwitch's
 * userspace datapath never meet: pings pass, and every TCP connection hangs.
 */
export async function writeChecksums(namespace: string | undefined, ...devices: readonly string[]): Promise<void> {
  for (const device of devices) {
    const [program = "", ...args] = inside(namespace, "ethtool", "-K", device, "tx", "off");
    await command(program, args);
  }
}

function inNamespace(namespace: string | undefined): readonly string[] {
  return namespace === undefined ? [] : ["-n", namespace];
}
