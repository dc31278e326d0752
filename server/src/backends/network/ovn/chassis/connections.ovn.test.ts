// A port that moves to another host takes its connections along, by packets: also those in which nothing but the other end ever speaks.
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { command } from "../../../linux/command.ts";
import { inside, ip } from "../../../linux/namespaces.ts";
import type { NetworkObject } from "../../driver.ts";
import type { HostNetwork } from "../../host-network.ts";
import type { Guest } from "../testing/guest.ts";
import { type NetworkLab, startNetworkLab } from "../testing/network-lab.ts";
import { describeOnOvn } from "../testing/require.ts";
import { sampleNetwork, samplePort } from "../testing/sample-network.ts";
import { openHostNetwork } from "./open-vswitch.ts";

jest.setTimeout(60_000);
const { signal } = new AbortController();
const [mover, peer] = [samplePort(1), samplePort(2)];
const addresses = {
  mover: { 4: mover.ipAddress, 6: "fd00:1::11" },
  peer: { 4: peer.ipAddress, 6: "fd00:1::12" },
} as const;
const ports = { atMover: 9_000, atPeer: 9_001 } as const;

/** All that the port that moves lets through: what comes to its server, and what it asks its peer's. */
const narrow: NetworkObject = {
  type: "filter",
  id: "sg-narrow",
  owner: "acme/alpha",
  rules: (["tcp", "udp"] as const).flatMap((protocol) => [
    allowed("ingress", protocol, ports.atMover),
    allowed("egress", protocol, ports.atPeer),
  ]),
};

function allowed(direction: "ingress" | "egress", protocol: "tcp" | "udp", port: number) {
  const remote = { type: "any" } as const;
  return { name: `${direction}-${protocol}`, direction, protocol, ports: { first: port, last: port }, remote } as const;
}

function objects(): readonly NetworkObject[] {
  const both = [mover, peer].map(({ portId }, i) => [
    portId,
    Object.values(i === 0 ? addresses.mover : addresses.peer),
  ]);
  const ipAddresses = new Map(both as [string, string[]][]);
  const network = sampleNetwork(2).map((object): NetworkObject => {
    if (object.type === "switch") return { ...object, cidrs: [...object.cidrs, "fd00:1::/64"] };
    if (object.type !== "port") return object;
    const securityGroupIds = object.id === mover.portId ? [narrow.id] : object.securityGroupIds;
    return { ...object, ipAddresses: ipAddresses.get(object.id) ?? [], securityGroupIds };
  });
  return [narrow, ...network];
}

/** One end of a connection: sends what is written to it, and says what comes. */
const program = `
import { createConnection, createServer } from "node:net";
import { createSocket } from "node:dgram";
const [how, protocol, port, host] = process.argv.slice(1);
const tie = (socket) => { process.stdin.pipe(socket); socket.pipe(process.stdout); };
if (protocol === "tcp" && how === "serve") createServer(tie).listen(port, "::", () => console.log("ready"));
if (protocol === "tcp" && how === "ask") { const socket = createConnection({ host, port }, () => console.log("ready")); tie(socket); }
if (protocol === "udp") {
  const socket = createSocket("udp6");
  let other = { address: host, port: Number(port) };
  socket.on("message", (bytes, from) => { other = from; process.stdout.write(bytes); });
  process.stdin.on("data", (bytes) => socket.send(bytes, other.port, other.address));
  socket.bind(how === "serve" ? Number(port) : 0, () => console.log("ready"));
}
`;

class End {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  #heard = "";

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#child = child;
    child.stdout.on("data", (bytes) => {
      this.#heard += bytes;
    });
  }

  static async open(guest: Guest, ...words: readonly string[]): Promise<End> {
    const node = [process.execPath, "--input-type=module", "--eval", program, ...words];
    const [first = "", ...rest] = inside(guest.namespace, ...node);
    const end = new End(spawn(first, rest, { stdio: ["pipe", "pipe", "inherit"] }));
    await end.hears("ready");
    return end;
  }

  say(word: string): void {
    this.#child.stdin.write(`${word}\n`);
  }

  has(word: string): boolean {
    return this.#heard.split("\n").includes(word);
  }

  async hears(word: string): Promise<void> {
    for (const end = Date.now() + 20_000; !this.has(word); await wait(20))
      if (Date.now() > end) throw new Error(`${word} does not come: ${this.#heard}`);
  }

  close(): void {
    this.#child.kill();
  }
}

/** A connection: who hears, and who speaks alone once it is there. */
interface Line {
  readonly name: string;
  readonly hearer: End;
  readonly speaker: End;
}

describeOnOvn("a port that moves", () => {
  let lab: NetworkLab;
  let guests: { readonly mover: Guest; readonly peer: Guest };
  const networks: HostNetwork[] = [];
  const lines: Line[] = [];
  let wire = "";

  beforeAll(async () => {
    lab = await startNetworkLab({ hosts: 2 });
    for (const object of objects()) await lab.driver.ensure(object, signal);
    for (const chassis of lab.ovn.hosts) networks.push(await openHostNetwork(chassis, { signal }));
    guests = { mover: await lab.plug(mover), peer: await lab.plug({ ...peer, host: 1 }) };
    for (const name of ["mover", "peer"] as const)
      await guests[name].configure({ addresses: [`${addresses[name][4]}/24`, `${addresses[name][6]}/64`] });
    const find = ["--bare", "--columns=name", "find", "Interface", `external_ids:iface-id=${mover.portId}`];
    wire = (await command("ovs-vsctl", [`--db=${lab.ovn.hosts[0]?.database}`, ...find])).trim();
  });
  afterAll(async () => {
    for (const { hearer, speaker } of lines) for (const end of [hearer, speaker]) end.close();
    for (const network of networks) await network.close();
    await lab.stop();
  });

  /** Begun by the one who hears alone from then on. */
  async function open(hears: "mover" | "peer", protocol: "tcp" | "udp", family: 4 | 6): Promise<void> {
    const speaks = hears === "mover" ? "peer" : "mover";
    const port = String(hears === "mover" ? ports.atPeer : ports.atMover);
    // On a port of its own family, where there is one server for each.
    const speaker = await End.open(guests[speaks], "serve", protocol, port);
    const host = addresses[speaks][family];
    const asked = protocol === "udp" && family === 4 ? `::ffff:${host}` : host;
    const hearer = await End.open(guests[hears], "ask", protocol, port, asked);
    lines.push({ name: `${hears} hears by ${protocol}, IPv${family}`, hearer, speaker });
    hearer.say("hello");
    await speaker.hears("hello");
    speaker.say("welcome");
    await hearer.hears("welcome");
  }

  /** Takes the port from one host to the other; what the first knew of its connections is for the caller. */
  async function move(from: number, to: number) {
    const [source, target] = [networks[from], networks[to]];
    if (source === undefined || target === undefined) throw new Error("there are not two hosts");
    const known = await source.connections(mover.portId, signal);
    await source.unplug(wire, signal);
    await ip(source.namespace, `link set ${wire} netns ${target.namespace}`);
    await ip(target.namespace, `link set ${wire} up`);
    await target.plug({ name: wire, portId: mover.portId }, signal);
    return { known, adopt: () => target.adopt(mover.portId, known, signal) };
  }

  test.each(["tcp", "udp"] as const)(
    "takes its connections along that only the other end speaks on (T13): %s",
    async (protocol) => {
      const begun = lines.length;
      for (const hears of ["mover", "peer"] as const) await open(hears, protocol, protocol === "tcp" ? 6 : 4);
      const mine = lines.slice(begun);
      const { known, adopt } = await move(0, 1);
      const told = known.filter((one) => one.protocol === protocol).map(({ to }) => to.port);
      expect(told.sort()).toEqual([ports.atMover, ports.atPeer]);
      await adopt();
      for (const { hearer, speaker } of mine) {
        speaker.say("there");
        await hearer.hears("there");
      }
      await (await move(1, 0)).adopt();
      for (const { hearer, speaker } of mine) {
        speaker.say("back");
        await hearer.hears("back");
      }
    },
  );
});
