// What is read of a switch's dump of connections: its lines as Open vSwitch 3.1.0 writes them.
import { expect, test } from "@jest/globals";
import { parseConnections } from "./conntrack.ts";

const there = { source: "10.0.1.10", target: "10.0.1.11" };
const states = (one: string, other: string) => `protoinfo=(state_orig=${one},state_reply=${other},wscale_orig=4)`;

function line(protocol: string, more: string, { source, target } = there, reply = { source: target, target: source }) {
  const [ask, answer] = ["sport=43112,dport=80", "sport=80,dport=43112"];
  const [orig, back] = [`src=${source},dst=${target},${ask}`, `src=${reply.source},dst=${reply.target},${answer}`];
  return `${protocol},orig=(${orig}),reply=(${back}),id=0,zone=7,status=0,${more}\n`;
}

const connection = (protocol: string, { source, target } = there) => ({
  protocol,
  from: { address: source, port: 43_112 },
  to: { address: target, port: 80 },
});
const v6 = { source: "fd00:1::a", target: "2001:db8::b" };

test.each([
  ["an open one", line("tcp", states("ESTABLISHED", "ESTABLISHED")), connection("tcp")],
  ["one that one side has ended", line("tcp", states("FIN_WAIT_2", "ESTABLISHED")), connection("tcp")],
  [
    "one that the kernel knows as half ended",
    line("tcp", "protoinfo=(state_orig=CLOSE_WAIT,state_reply=CLOSE_WAIT)"),
    connection("tcp"),
  ],
  ["one whose marks say nothing", line("tcp", `mark=2,${states("ESTABLISHED", "ESTABLISHED")}`), connection("tcp")],
  ["IPv6", line("tcp", states("ESTABLISHED", "ESTABLISHED"), v6), connection("tcp", v6)],
  ["UDP", line("udp", "").replace(",\n", "\n"), connection("udp")],
])("%s goes on", (_, dump, known) => {
  expect(parseConnections(dump)).toEqual([known]);
});

test.each([
  ["both sides have ended", line("tcp", states("FIN_WAIT_2", "FIN_WAIT_2"))],
  ["nobody has answered", line("tcp", states("SYN_SENT", "CLOSED"))],
  ["is over", line("tcp", states("TIME_WAIT", "TIME_WAIT"))],
  ["no rule lets through any more", line("tcp", `mark=1,${states("ESTABLISHED", "ESTABLISHED")}`)],
  [
    "is rewritten",
    line("tcp", states("ESTABLISHED", "ESTABLISHED"), there, { source: "10.0.9.9", target: "10.0.1.10" }),
  ],
  [
    "has no ports",
    "icmp,orig=(src=10.0.1.10,dst=10.0.1.11,id=7,type=8,code=0),reply=(src=10.0.1.11,dst=10.0.1.10,id=7,type=0,code=0),zone=7\n",
  ],
  ["is of another protocol", line("sctp", "protoinfo=(state=ESTABLISHED)")],
])("one that %s does not", (_, dump) => {
  expect(parseConnections(dump)).toEqual([]);
});

test("those of a whole dump keep their order", () => {
  const dump = line("udp", "x") + line("tcp", states("TIME_WAIT", "TIME_WAIT")) + line("udp", "x", v6);
  expect(parseConnections(dump)).toEqual([connection("udp"), connection("udp", v6)]);
});
