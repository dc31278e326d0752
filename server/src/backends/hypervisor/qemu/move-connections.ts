// The connections of a machine that moves. Its source's network alone knows which of them its ports' rules let through: that goes along, since of one that
// the guest began, and only listens to, nothing would be let in where it comes.
import { gunzipSync, gzipSync } from "node:zlib";
import { parseIp } from "../../../ip.ts";
import type { Connection, ConnectionEnd } from "../../network/host-network.ts";
import type { MachineSpec } from "../driver.ts";
import type { Host } from "./host.ts";
import { unplugTaps } from "./launch.ts";
import { recordOf } from "./qmp.ts";

/** By port. */
export type Connections = ReadonlyMap<string, readonly Connection[]>;

/** How much may be told of them, in bytes: more than a machine with many NICs has. */
const mostBytes = 64 * 1024 ** 2;
const largestPort = 65_535;

/** Takes a machine's NICs off their ports, which are free for another host then. Answers what went on over them. */
export async function takeOff(host: Host, spec: MachineSpec, signal: AbortSignal): Promise<Connections> {
  const { taps } = host;
  if (taps === undefined) return new Map();
  const ports = spec.nics.filter(({ portId }) => portId !== "");
  const known = await Promise.all(ports.map(async (nic) => [nic.portId, await taps.connections(nic, signal)] as const));
  await unplugTaps(host, spec, signal);
  return new Map(known);
}

/** Has the ports' rules here know what went on where the machine was. */
export async function adoptConnections(
  host: Host,
  spec: MachineSpec,
  connections: Connections,
  signal: AbortSignal,
): Promise<void> {
  const { taps } = host;
  if (taps === undefined) return;
  await Promise.all(spec.nics.map((nic) => taps.adopt(nic, connections.get(nic.portId) ?? [], signal)));
}

export function packed(connections: Connections): string {
  return gzipSync(JSON.stringify([...connections])).toString("base64");
}

/** What another host told of them; what is none is left out. */
export function unpacked(told: unknown): Connections {
  if (typeof told !== "string") return new Map();
  try {
    const text = gunzipSync(Buffer.from(told, "base64"), { maxOutputLength: mostBytes }).toString();
    const ports: unknown = JSON.parse(text);
    const known = (Array.isArray(ports) ? ports : []).filter(Array.isArray);
    return new Map(known.map(([portId, list]) => [String(portId), Array.isArray(list) ? list.flatMap(checked) : []]));
  } catch {
    return new Map();
  }
}

function checked(value: unknown): readonly Connection[] {
  const { protocol, from, to } = recordOf(value) ?? {};
  const [source, target] = [endOf(from), endOf(to)];
  if ((protocol !== "tcp" && protocol !== "udp") || source === undefined || target === undefined) return [];
  if (parseIp(source.address)?.family !== parseIp(target.address)?.family) return [];
  return [{ protocol, from: source, to: target }];
}

function endOf(value: unknown): ConnectionEnd | undefined {
  const { address, port } = recordOf(value) ?? {};
  if (typeof address !== "string" || parseIp(address) === undefined) return undefined;
  if (typeof port !== "number" || !Number.isInteger(port) || port < 0 || port > largestPort) return undefined;
  return { address, port };
}
