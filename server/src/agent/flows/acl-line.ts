// Reads the lines that ovn-controller writes for packets that a logged rule decided on (ovn-nb(5), "ACL", "log"). Most lines of its log are
// others; a busy host writes hundreds of these a second, so that they are cut, not matched.

/** A packet that a rule decided on. */
export interface AclLine {
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  /** The rule's name: of ours, its row's UUID. */
  readonly rule: string;
  readonly verdict: "allowed" | "dropped";
  /** Seen from the port. */
  readonly direction: "ingress" | "egress";
  readonly sourceMac: string;
  readonly destinationMac: string;
  readonly sourceAddress: string;
  readonly destinationAddress: string;
  /** "tcp", "udp", "icmp", or a protocol's number. */
  readonly protocol: string;
  /** 0 where the protocol has none. */
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** Undefined: the line tells of something else. */
export function readAclLine(line: string): AclLine | undefined {
  const at = line.indexOf("|acl_log");
  const name = at < 0 ? -1 : line.indexOf('|INFO|name="', at);
  if (name < 0) return undefined;
  const rule = cut(line, 'name="', '"', name);
  const verdict = verdicts[cut(line, "verdict=", ",", name)];
  const direction = directions[cut(line, "direction=", ":", name)];
  const timeMs = Date.parse(line.slice(0, line.indexOf("|")));
  if (verdict === undefined || direction === undefined || Number.isNaN(timeMs)) return undefined;
  const flow = packetOf(line.slice(line.indexOf(": ", name) + 2));
  return flow && { timeMs, rule, verdict, direction, ...flow };
}

const verdicts: Readonly<Record<string, AclLine["verdict"]>> = { allow: "allowed", drop: "dropped", reject: "dropped" };
const directions: Readonly<Record<string, AclLine["direction"]>> = { "to-lport": "ingress", "from-lport": "egress" };

/** What stands between two marks; "" where they do not. */
function cut(text: string, before: string, after: string, from: number): string {
  const start = text.indexOf(before, from);
  if (start < 0) return "";
  const end = text.indexOf(after, start + before.length);
  return text.slice(start + before.length, end < 0 ? undefined : end);
}

/** In Open vSwitch's words (ovs-fields(7)): "tcp,vlan_tci=0x0000,dl_src=…,nw_src=10.0.0.1,…". */
function packetOf(text: string): Omit<AclLine, "timeMs" | "rule" | "verdict" | "direction"> | undefined {
  const [name = "", ...parts] = text.trim().split(",");
  const fields = new Map(parts.map((part) => [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)]));
  const field = (...names: readonly string[]) => names.map((one) => fields.get(one)).find((value) => value) ?? "";
  const sourceAddress = field("nw_src", "ipv6_src");
  if (sourceAddress === "") return undefined;
  const protocol = protocols[name] ?? field("nw_proto");
  const hasPorts = protocol !== "icmp";
  return {
    sourceMac: field("dl_src"),
    destinationMac: field("dl_dst"),
    sourceAddress,
    protocol,
    destinationAddress: field("nw_dst", "ipv6_dst"),
    sourcePort: hasPorts ? Number(field("tp_src")) : 0,
    destinationPort: hasPorts ? Number(field("tp_dst")) : 0,
  };
}

const protocols: Readonly<Record<string, string>> = {
  tcp: "tcp",
  tcp6: "tcp",
  udp: "udp",
  udp6: "udp",
  icmp: "icmp",
  icmp6: "icmp",
  sctp: "132",
  sctp6: "132",
};
