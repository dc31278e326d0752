// Lines as ovn-controller 23.03.1 writes them.
import { expect, test } from "@jest/globals";
import { readAclLine } from "./acl-line.ts";

const rule = "f210fdc4-28ad-8e7e-9ac3-70896dc129ed";
const head = `2026-11-22T10:42:30.903Z|00004|acl_log(ovn_pinctrl1)|INFO|name="${rule}", `;
const macs = "vlan_tci=0x0000,dl_src=fa:16:3e:00:01:0a,dl_dst=fa:16:3e:00:01:0b";
const ipv4 = "nw_src=10.0.1.10,nw_dst=10.0.1.11";
const ipv6 = "ipv6_src=fd00:10:0:1::10,ipv6_dst=fd00:10:0:1::11,ipv6_label=0x7b6dd";
const rest = "nw_tos=0,nw_ecn=0,nw_ttl=64,nw_frag=no";

const common = {
  timeMs: Date.UTC(2026, 10, 22, 10, 42, 30, 903),
  rule,
  sourceMac: "fa:16:3e:00:01:0a",
  destinationMac: "fa:16:3e:00:01:0b",
};
const [v4, v6] = [
  { sourceAddress: "10.0.1.10", destinationAddress: "10.0.1.11" },
  { sourceAddress: "fd00:10:0:1::10", destinationAddress: "fd00:10:0:1::11" },
];

test.each([
  [
    `verdict=allow, severity=info, direction=to-lport: tcp,${macs},${ipv4},${rest},tp_src=48566,tp_dst=80,tcp_flags=fin|ack`,
    { verdict: "allowed", direction: "ingress", ...v4, protocol: "tcp", sourcePort: 48_566, destinationPort: 80 },
  ],
  [
    `verdict=drop, severity=info, direction=from-lport: udp6,${macs},${ipv6},${rest},tp_src=5,tp_dst=53`,
    { verdict: "dropped", direction: "egress", ...v6, protocol: "udp", sourcePort: 5, destinationPort: 53 },
  ],
  [
    `verdict=drop, severity=info, direction=to-lport: icmp6,${macs},${ipv6},${rest},icmp_type=128,icmp_code=0`,
    { verdict: "dropped", direction: "ingress", ...v6, protocol: "icmp", sourcePort: 0, destinationPort: 0 },
  ],
  [
    `verdict=drop, severity=info, direction=to-lport: ip,${macs},${ipv4},nw_proto=47,${rest}`,
    { verdict: "dropped", direction: "ingress", ...v4, protocol: "47", sourcePort: 0, destinationPort: 0 },
  ],
])("readAclLine() reads %s", (line, expected) => {
  expect(readAclLine(head + line)).toEqual({ ...common, ...expected });
});

test.each([
  "",
  "2026-11-22T10:16:33.253Z|00022|memory|INFO|9024 kB peak resident set size after 10.1 seconds",
  `${head}verdict=allow, severity=info, direction=to-lport: arp,${macs},arp_spa=10.0.1.10,arp_tpa=10.0.1.11`,
  `${head}verdict=maybe, severity=info, direction=to-lport: tcp,${macs},${ipv4}`,
  head,
])("readAclLine() leaves %s alone", (line) => {
  expect(readAclLine(line)).toBeUndefined();
});
