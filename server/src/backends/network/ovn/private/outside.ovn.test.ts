import { mkdtempSync, rmSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, expect, test } from "@jest/globals";
import { type IpNetwork, parseNetwork } from "../../../../ip.ts";
import { command } from "../../../linux/command.ts";
import { startNetworkLab } from "../testing/network-lab.ts";
import { describeOnOvn } from "../testing/require.ts";
import { startDevOvn } from "./dev-ovn.ts";
import { usedHere } from "./outside.ts";
import { keepRoutes } from "./outside-routes.ts";

/** Of the networks for benchmarks (RFC 2544), so that no other test and no cloud of this machine is in it. */
const cidr = "198.18.77.0/24";

function networkOf(text: string): IpNetwork {
  const network = parseNetwork(text);
  if (network === undefined) throw new Error(`${text} is no network`);
  return network;
}

describeOnOvn("the outside on this machine", () => {
  const base = mkdtempSync("/tmp/p");
  afterAll(() => rmSync(base, { recursive: true, force: true }));

  /** Whether this machine reaches an address by a device. */
  async function goesBy(device: string, address: string): Promise<boolean> {
    const way = await command("ip", ["route", "get", address]).catch(() => "");
    return way.includes(` dev ${device} `);
  }

  test("has a route for each address that the cloud uses, and hides no other", async () => {
    const external = { physicalNetwork: "external", address: "198.18.77.1/32", outside: "host" } as const;
    const lab = await startNetworkLab({ external });
    const { northbound, hosts } = lab.ovn;
    const device = `${hosts[0]?.namespace?.replace(/-h1$/, "")}-ex`;
    const stop = await keepRoutes({
      northbound,
      network: networkOf(cidr),
      device,
      source: "198.18.77.1",
      log: () => {},
    });
    const nbctl = (...words: string[]) => command("ovn-nbctl", [`--db=${northbound}`, "--timeout=30", ...words]);
    const becomes = async (address: string, used: boolean) => {
      while ((await goesBy(device, address)) !== used) await wait(20);
    };
    expect(await goesBy(device, "198.18.77.9")).toBe(false);
    await nbctl("lr-add", "r", "--", "lr-nat-add", "r", "snat", "198.18.77.9", "10.0.0.0/16");
    await becomes("198.18.77.9", true);
    await nbctl("lr-nat-add", "r", "dnat_and_snat", "198.18.77.20", "10.0.0.4");
    await becomes("198.18.77.20", true);
    for (const other of ["198.18.77.80", "198.18.77.254"]) expect(await goesBy(device, other)).toBe(false);
    await nbctl("lr-del", "r");
    await becomes("198.18.77.9", false);
    await becomes("198.18.77.20", false);
    await stop();
    await lab.stop();
  }, 90_000);

  test("is in a namespace where this machine needs the network itself, and where it is asked for", async () => {
    const start = async (name: string, choice: Parameters<typeof startDevOvn>[0]["outside"]) => {
      const ovn = await startDevOvn({ dataDir: `${base}/${name}`, outside: choice, log: () => {} });
      const { where, outside } = ovn;
      await ovn.stop();
      return { where, outside };
    };
    expect(await start("used", { cidr: "127.7.0.0/24", place: "here" })).toEqual({
      outside: expect.stringMatching(/-out$/),
      where: expect.stringMatching(/^in namespace p\w+-out, since this machine needs addresses of 127.7.0.0\/24 or /),
    });
    expect(await start("asked", { cidr, place: "namespace" })).toEqual({
      outside: expect.stringMatching(/-out$/),
      where: expect.stringMatching(/since it was asked for$/),
    });
  }, 90_000);

  test.each([
    ["127.0.0.0/24", "lo has the address 127.0.0.1"],
    ["127.9.9.0/24", "there is a route to 127.0.0.0/8"],
    [cidr, undefined],
  ])("usedHere() says of %s: %s", async (network, said) => {
    expect(await usedHere([networkOf(network)], "none")).toBe(said);
  });
});
