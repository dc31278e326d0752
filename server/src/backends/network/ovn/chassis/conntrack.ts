// What an Open vSwitch knows of connections, by zone: each port of a logical switch has one (ovn-architecture(7)). Nothing puts an entry there but a
// packet: to take a connection over, the switch is given packets of both its ends, which it looks at and sends nowhere.
import { command } from "../../../linux/command.ts";
import type { Connection } from "../../host-network.ts";
import { packetOf } from "./packets.ts";

/** A bridge, and how its daemon is asked. */
export interface Switch {
  /** Where its daemon keeps its control sockets. */
  readonly runDir: string;
  readonly bridge: string;
  /** As the bridge's `datapath_type`: "netdev" is the one in user space. */
  readonly datapathType: string;
}

/** How many connections are written at once: a switch that takes so many forwards nothing else for 50 ms. */
const atOnce = 1_000;
/** Of a connection that has not ended, one side is known in one of these at least (`protoinfo`, ovs-vswitchd's and the kernel's words). */
const alive = new Set(["ESTABLISHED", "CLOSE_WAIT", "FIN_WAIT_1"]);
/** OVN's `ct_mark.blocked`: a rule that let it through is gone. */
const blocked = 1;
const entry =
  /^(tcp|udp),orig=\(src=([^,]+),dst=([^,]+),sport=(\d+),dport=(\d+)\),reply=\(src=([^,]+),dst=([^,]+),sport=(\d+),dport=(\d+)\)(.*)$/;

/** What is in a zone, at most so many of them. @throws Error where the switch does not answer. */
export async function readConnections(
  { runDir, datapathType }: Switch,
  zone: number,
  { most, signal }: { readonly most: number; readonly signal: AbortSignal },
): Promise<readonly Connection[]> {
  const ask = ["dpctl/dump-conntrack", "-m", datapathOf(datapathType), `zone=${zone}`];
  return parseConnections(await command("ovs-appctl", ask, { env: { OVS_RUNDIR: runDir }, signal })).slice(0, most);
}

/** The connections of a dump that have not ended, can go on, and are known by ports. */
export function parseConnections(dump: string): readonly Connection[] {
  return dump.split("\n").flatMap((line) => {
    const [, protocol, source = "", target = "", from, to, ...more] = entry.exec(line) ?? [];
    if (protocol !== "tcp" && protocol !== "udp") return [];
    const [replySource, replyTarget, , , rest = ""] = more;
    // One whose addresses are rewritten is known by more than its ends.
    if (replySource !== target || replyTarget !== source) return [];
    if ((Number(/,mark=([^,]+)/.exec(rest)?.[1] ?? 0) & blocked) !== 0) return [];
    if (protocol === "tcp" && ![...rest.matchAll(/state_\w+=(\w+)/g)].some(([, state = ""]) => alive.has(state)))
      return [];
    return [{ protocol, from: { address: source, port: Number(from) }, to: { address: target, port: Number(to) } }];
  });
}

/** Puts connections into a zone; those that are there stay. @throws Error where the switch does not take them. */
export async function writeConnections(
  { runDir, bridge, datapathType }: Switch,
  zone: number,
  { connections, signal }: { readonly connections: readonly Connection[]; readonly signal: AbortSignal },
): Promise<void> {
  // Nobody knows how far a connection's bytes are numbered by now. The kernel takes any number of one that it did not see begin; this one asks.
  if (datapathType === "netdev")
    await command("ovs-appctl", ["dpctl/ct-disable-tcp-seq-chk", datapathOf(datapathType)], {
      env: { OVS_RUNDIR: runDir },
      signal,
    });
  const say = ["-O", "OpenFlow15", "bundle", `unix:${runDir}/${bridge}.mgmt`, "-"];
  for (let at = 0; at < connections.length; at += atOnce) {
    const messages = connections.slice(at, at + atOnce).flatMap((one) => packetsOf(one, zone));
    await command("ovs-ofctl", say, { input: messages.join(""), signal });
  }
}

/** It is known as begun by the one who did, even where a packet of the other end came before (`force`, ovs-actions(7)). */
function packetsOf(connection: Connection, zone: number): readonly string[] {
  const { protocol, from, to } = connection;
  const [there, back] = [packetOf(connection), packetOf({ protocol, from: to, to: from })];
  return [[there, "force,"] as const, [back, ""] as const, ...(protocol === "tcp" ? [[there, ""] as const] : [])].map(
    ([packet, how]) =>
      `packet-out in_port=CONTROLLER,packet=${packet.toString("hex")},actions=ct(commit,${how}zone=${zone})\n`,
  );
}

/** The name of the daemon's only datapath of a type (ovs-dpctl(8)). */
function datapathOf(datapathType: string): string {
  return datapathType === "netdev" ? "netdev@ovs-netdev" : "system@ovs-system";
}
