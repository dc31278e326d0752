// A guest that moves from host to host on a real network: who talks to it notices a pause, and nothing else. How long that is, is measured elsewhere.
import { spawn } from "node:child_process";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { inside } from "../../linux/namespaces.ts";
import type { HostNetwork } from "../../network/host-network.ts";
import { openHostNetwork } from "../../network/ovn/chassis/open-vswitch.ts";
import type { Guest } from "../../network/ovn/testing/guest.ts";
import { type NetworkLab, startNetworkLab } from "../../network/ovn/testing/network-lab.ts";
import { describeOnOvn } from "../../network/ovn/testing/require.ts";
import { sampleNetwork, samplePort } from "../../network/ovn/testing/sample-network.ts";
import { moveMachine, movesOf, untilMoved } from "../moves-contract.ts";
import { MovesWithinProcess } from "../moving/within-process.ts";
import { qemuMissing } from "./index.ts";
import { patienceMs, signal, TestHost, until } from "./testing/host.ts";

jest.setTimeout(3 * patienceMs);
const missing = qemuMissing();
const { portId, macAddress, ipAddress } = samplePort(1);
/** Where the guest answers, and where its peer does: nothing else comes in, but for pings. */
const [port, peersPort] = [9_000, 9_001];
const remote = { type: "any" } as const;
const rules = [
  { name: "tcp", direction: "ingress", protocol: "tcp", ports: { first: port, last: peersPort }, remote },
  { name: "ping", direction: "ingress", protocol: "icmp", remote },
] as const;

/** A TCP connection whose other end echoes. */
function connectEcho(peer: Guest): { readonly says: (word: string) => Promise<void>; readonly end: () => void } {
  const [first = "", ...words] = inside(peer.namespace, "busybox", "nc", ipAddress, String(port));
  const child = spawn(first, words, { stdio: ["pipe", "pipe", "ignore"] });
  let heard = "";
  child.stdout.on("data", (bytes) => {
    heard += bytes;
  });
  const says = async (word: string) => {
    child.stdin.write(`${word}\n`);
    await until(`the guest echoes ${word}`, async () => heard.includes(`${word}\n`));
  };
  return { says, end: () => child.kill() };
}

/** Waits for a TCP connection, and says on it what it is told to. */
function serve(peer: Guest): { readonly say: (word: string) => void; readonly end: () => void } {
  const [first = "", ...words] = inside(peer.namespace, "busybox", "nc", "-l", "-p", String(peersPort));
  const child = spawn(first, words, { stdio: ["pipe", "ignore", "ignore"] });
  return { say: (word) => void child.stdin.write(`${word}\n`), end: () => child.kill() };
}

if (missing !== undefined) describe.skip(`a guest on a network (${missing})`, () => test("moves", () => undefined));
else
  describeOnOvn("a guest on a network", () => {
    const hosts: TestHost[] = [];
    const networks: HostNetwork[] = [];
    let lab: NetworkLab;
    let peer: Guest;
    beforeAll(async () => {
      lab = await startNetworkLab({ hosts: 2 });
      for (const object of sampleNetwork(2))
        await lab.driver.ensure(object.type === "filter" ? { ...object, rules } : object, signal);
      peer = await lab.plug({ ...samplePort(2), host: 0 });
      await peer.dhcp();
      const transport = new MovesWithinProcess();
      for (const chassis of lab.ovn.hosts) {
        const network = await openHostNetwork(chassis, { signal });
        networks.push(network);
        const host = new TestHost({ transport, network });
        hosts.push(host);
        await host.open();
      }
    });
    afterAll(async () => {
      for (const host of hosts) await host.close();
      for (const network of networks) await network.close();
      await lab.stop();
    });

    test("keeps its connections while it moves, and answers pings at both ends", async () => {
      const [a, b] = hosts;
      if (a === undefined || b === undefined) throw new Error("the lab has too few hosts");
      const spec = await a.run("vm-1", { nics: [{ id: "eth0", portId, macAddress }] });
      await a.says("vm-1", new RegExp(`tick .* addresses=eth0:${ipAddress}/`));
      const line = await a.driver.consoles.open("vm-1", "serial", signal);
      line.write(`nc -l -p ${port} -e cat &\n`);
      // On this one the guest has nothing to say.
      const server = serve(peer);
      line.write(`tail -f /dev/null | nc ${samplePort(2).ipAddress} ${peersPort} &\n`);
      line.write("echo listening-$((40 + 2))\n");
      await a.says("vm-1", /listening-42/);
      line.destroy();
      const echo = connectEcho(peer);
      await echo.says("before");
      server.say("heard-first");
      await a.says("vm-1", /heard-first/);
      const answers = () => until("it answers a ping", () => peer.pings(ipAddress));
      await answers();
      await moveMachine(a.driver, b.driver, spec, patienceMs);
      await echo.says("after");
      server.say("heard-second");
      await b.says("vm-1", /heard-second/);
      await answers();
      await moveMachine(b.driver, a.driver, spec, patienceMs);
      await echo.says("back");
      server.say("heard-third");
      await a.says("vm-1", /heard-third/);
      await answers();

      // Given up when its port has been taken off: it goes on where it is.
      const [network] = networks;
      if (network === undefined) throw new Error("the lab has no host");
      const unplug = network.unplug.bind(network);
      jest.spyOn(network, "unplug").mockImplementationOnce(async (...port) => {
        await unplug(...port);
        void movesOf(a.driver).cancel("vm-1", signal);
      });
      await movesOf(a.driver).send("vm-1", await movesOf(b.driver).offer(spec, signal), signal);
      expect((await untilMoved(a.driver, "vm-1", patienceMs))?.phase).not.toBe("done");
      await echo.says("stayed");
      server.say("heard-fourth");
      await a.says("vm-1", /heard-fourth/);
      echo.end();
      server.end();
    });
  });
