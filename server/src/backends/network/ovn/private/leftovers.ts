// What a private OVN leaves behind that was killed: daemons, namespaces, devices, sockets. Also the last part of an orderly end.
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { killProcess } from "../../../linux/kill.ts";
import { ipForced, namespaces, removeNamespace } from "../../../linux/namespaces.ts";
import { namesOf } from "./wires.ts";

const programs = new Set(["ovsdb-server", "ovn-northd", "ovn-controller", "ovs-vswitchd"]);
/** More hosts than anyone runs on one machine. */
const mostHosts = 32;

/** Takes everything away but the Northbound databases and the logs. */
export async function removeLeftovers(dir: string, name: string): Promise<void> {
  await endDaemons(dir);
  const { prefix, externalBridge, externalWire } = namesOf(name);
  for (const namespace of await namespaces()) if (namespace.startsWith(prefix)) await removeNamespace(namespace);
  const wires = Array.from({ length: mostHosts }, (_, index) => externalWire(index + 1));
  await ipForced(undefined, ...[...wires, externalBridge].map((device) => `link del ${device}`));
  for (const file of await readdir(dir).catch(() => []))
    if (!/^(nb\d\.db|log)$/.test(file)) await rm(`${dir}/${file}`, { recursive: true, force: true });
}

/** Ends every daemon of OVN that was told of a file in the folder. */
async function endDaemons(dir: string): Promise<void> {
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const words = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
    if (!programs.has(basename(words[0] ?? "")) || !words.includes(`--log-file=${logOf(dir, words)}`)) continue;
    killProcess(Number(pid));
  }
}

/** The log in the folder that a daemon's words name, if they do. */
function logOf(dir: string, words: readonly string[]): string {
  const prefix = `--log-file=${dir}/log/`;
  const word = words.find((one) => one.startsWith(prefix));
  return word === undefined ? "" : word.slice("--log-file=".length);
}

/** Keeps a second process from taking a private OVN away from the one that runs it. @throws Error */
export async function claim(dir: string): Promise<void> {
  const file = `${dir}/owner`;
  const owner = await readFile(file, "utf8").catch(() => "");
  const [pid = ""] = owner.split(" ");
  if (owner !== "" && Number(pid) !== process.pid && owner === (await identity(pid)))
    throw new Error(`the private OVN in ${dir} belongs to process ${pid}, which still runs`);
}

/** Says that this process runs it. */
export async function own(dir: string): Promise<void> {
  await writeFile(`${dir}/owner`, await identity(String(process.pid)));
}

/** A pid with the time when it began, since pids come back. */
async function identity(pid: string): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return `${pid} ${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? ""}`;
}
