// What a machine uses: its disks by QEMU, its processor and memory by /proc, its NICs by the host's ends of them; and what its guest's agent says.
import { readFileSync } from "node:fs";
import type { MachineSpec, MachineStatistics } from "../driver.ts";
import { askGuest, hasAgent } from "./agent.ts";
import { run } from "./programs.ts";
import { type Qmp, recordOf } from "./qmp.ts";
import { tapOf } from "./taps.ts";

/** How /proc counts time (sysconf(_SC_CLK_TCK), 100 on every Linux that we run on). */
const ticksPerSecond = 100;
const pageBytes = 4096;

export interface Measured {
  readonly spec: MachineSpec;
  readonly pid: number;
  readonly monitor: Qmp;
  readonly namespace: string | undefined;
  /** The socket of the guest's agent. */
  readonly agent: string;
}

export async function statisticsOf(measured: Measured, signal: AbortSignal): Promise<MachineStatistics> {
  const [disks, nics, guest] = await Promise.all([disksOf(measured), nicsOf(measured, signal), guestOf(measured)]);
  return { ...processOf(measured.pid), disks, nics, ...(guest !== undefined && { guest }) };
}

/** A guest without an agent does not open the port, and is not asked. */
async function guestOf({ monitor, agent }: Measured): Promise<MachineStatistics["guest"]> {
  return (await hasAgent(monitor)) ? askGuest(agent) : undefined;
}

/** The 14th and 15th field of /proc/PID/stat are its time, the 24th its pages (proc(5)); the second may hold spaces. */
export function processOf(pid: number): Pick<MachineStatistics, "cpuSeconds" | "memoryBytes"> {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const [user = 0, system = 0, pages = 0] = [fields[11], fields[12], fields[21]];
  return { cpuSeconds: (user + system) / ticksPerSecond, memoryBytes: pages * pageBytes };
}

async function disksOf({ spec, monitor }: Measured): Promise<MachineStatistics["disks"]> {
  const answer = await monitor.execute("query-blockstats");
  const blocks = (Array.isArray(answer) ? answer : []).map((block: unknown) => recordOf(block));
  return spec.disks.map(({ id }) => {
    const stats = recordOf(blocks.find((block) => String(block?.qdev).includes(`/dev-${id}/`))?.stats);
    const count = (name: string) => Number(stats?.[name] ?? 0);
    return {
      id,
      readBytes: count("rd_bytes"),
      writtenBytes: count("wr_bytes"),
      readOperations: count("rd_operations"),
      writeOperations: count("wr_operations"),
    };
  });
}

/** What the host's end received is what the guest sent. */
export async function nicsOf(
  { spec, namespace }: Pick<Measured, "spec" | "namespace">,
  signal: AbortSignal,
): Promise<MachineStatistics["nics"]> {
  if (spec.nics.length === 0) return [];
  const where = namespace === undefined ? [] : ["-n", namespace];
  const links: unknown = JSON.parse(await run("ip", [...where, "-s", "-j", "link", "show"], signal));
  const byName = new Map(
    (Array.isArray(links) ? links : []).map((link: unknown) => [recordOf(link)?.ifname, recordOf(link)]),
  );
  return spec.nics.map((nic) => {
    const stats = recordOf(byName.get(tapOf(spec, nic))?.stats64);
    const [sent, received] = [recordOf(stats?.rx), recordOf(stats?.tx)];
    return {
      id: nic.id,
      receivedBytes: Number(received?.bytes ?? 0),
      sentBytes: Number(sent?.bytes ?? 0),
      receivedPackets: Number(received?.packets ?? 0),
      sentPackets: Number(sent?.packets ?? 0),
    };
  });
}
