import { afterEach, expect, test } from "@jest/globals";
import { systemClock } from "../../../clock.ts";
import { hypervisorContract, sampleMachine } from "../contract.ts";
import type { HypervisorDriver } from "../driver.ts";
import { simulatedHypervisor } from "../simulated/index.ts";
import { AgentLink } from "./link.ts";
import { everyFieldFits, specMessage, specOf } from "./messages.ts";
import { hostName, serverName } from "./names.ts";
import { type LoopbackOptions, openLoopback, settled, testAuthority } from "./testing/loopback.ts";

const image = { imageId: "tiny", format: "raw", architecture: "x86_64" } as const;
const { signal } = new AbortController();

/** As a driver that closes both ends. */
async function overLoopback(driver: HypervisorDriver): Promise<HypervisorDriver> {
  const { link, close } = await openLoopback({ driver });
  await settled(link, () => link.hindrance === "");
  link.driver.close = async () => {
    await close();
    await driver.close();
  };
  return link.driver;
}

hypervisorContract({
  name: "simulated, through an agent",
  open: () => overLoopback(simulatedHypervisor()),
  openStubborn: () => overLoopback(simulatedHypervisor({ shutdownMs: "never" })),
  image,
});

let close: (() => Promise<void>) | undefined;
afterEach(async () => {
  await close?.();
  close = undefined;
});

async function open(options: Partial<LoopbackOptions> = {}) {
  const loopback = await openLoopback({ driver: simulatedHypervisor(), ...options });
  close = loopback.close;
  return loopback;
}

/** Waits for the refusal, and answers what it says. */
async function refusal(options: Partial<LoopbackOptions>): Promise<string> {
  const { link } = await open(options);
  await settled(link, ({ hindrance }) => hindrance !== "" && !hindrance.includes("not answered"));
  expect(link.heard).toBeUndefined();
  await expect(link.driver.state("vm-1", signal)).rejects.toMatchObject({ reason: "unavailable" });
  return link.hindrance;
}

test("a machine's description arrives as it was", () => {
  expect(everyFieldFits).toBe(true);
  const spec = {
    ...sampleMachine("vm-1", "tiny"),
    ...({ hostId: "one", machine: "microvm", userData: "#cloud-config", sshKeys: ["ssh-ed25519 A"] } as const),
    bootOrder: ["root"],
    copyOf: { vmId: "vm-0", snapshotId: "snap-1" },
    nics: [{ id: "eth0", portId: "port-1", macAddress: "fa:16:3e:00:00:01" }],
  };
  expect(specOf(specMessage(spec))).toEqual(spec);
  const { imageId: _, ...bare } = sampleMachine("vm-2", "");
  expect(specOf(specMessage(bare))).toEqual(bare);
});

test("another host's certificate is not believed", async () => {
  expect(await refusal({ agentIs: "two" })).toContain("two.host.photoncloud.internal");
});

test("a certificate that is not good any more is not believed", async () => {
  expect(await refusal({ serials: ["1234"] })).toContain("not good any more");
});

test("a caller that is no server is turned away", async () => {
  expect(await refusal({ callerIs: "two.host.photoncloud.internal" })).not.toBe("");
});

test("an agent of another cloud is not believed", async () => {
  const [ours, theirs] = [await testAuthority(), await testAuthority()];
  const mixed = { ...ours, certificate: theirs.certificate };
  expect(await refusal({ authority: mixed })).not.toBe("");
});

test("an agent's questions are answered, and what can't be answered is an error", async () => {
  const asked: unknown[] = [];
  const { link, agent } = await open({
    answer: async (method, values) => {
      asked.push([method, ...values]);
      if (method === "networks") return ["10.0.0.0/16"];
      if (method === "guest") throw new Error("a defect");
      return undefined;
    },
  });
  await settled(link, () => agent.directory.isServed);
  const place = { org: "acme", project: "alpha", vpcId: "vpc-1", subnetId: "subnet-1" };
  expect(await agent.directory.networks(place)).toEqual(["10.0.0.0/16"]);
  expect(await agent.directory.nameOf(place, "10.0.0.9")).toBeUndefined();
  await expect(agent.directory.guest(place, { address: "10.0.0.9" })).rejects.toThrow("could not answer");
  expect(asked).toContainEqual(["nameOf", place, "10.0.0.9"]);
});

test("a lost agent makes its host unavailable, by name", async () => {
  const { link, agent } = await open();
  await settled(link, ({ hindrance }) => hindrance === "");
  await agent.stop();
  await settled(link, ({ hindrance }) => hindrance !== "");
  await expect(link.driver.inventory(signal)).rejects.toThrow(/^host one can't be reached$/);
});

test("a renewed certificate is shown to whoever connects next, and its end is told", async () => {
  const authority = await testAuthority();
  const serials: string[] = [];
  const { link, agent, serial } = await open({ authority, serials });
  serials.push(serial);
  await settled(link, ({ hindrance }) => hindrance === "");
  const { pem } = (await link.client?.requestCertificate({})) ?? { pem: "" };
  const renewed = await authority.certifyHost(hostName("one"), pem);
  await link.client?.installCertificate({ pem: renewed.pem });
  serials.splice(0, 1, renewed.serial);
  const again = new AgentLink({
    hostId: "one",
    address: `127.0.0.1:${agent.port}`,
    clock: systemClock,
    answer: undefined,
    log: () => {},
    identity: async () => ({ authority: authority.certificate, ...(await authority.serverIdentity(serverName)) }),
    serials: () => serials,
    changed: () => {},
  });
  await settled(again, ({ hindrance }) => hindrance === "");
  expect(again.heard?.beat.certificateExpiresAt).toBe(Math.floor(renewed.expiresAt / 1000) * 1000);
  await again.close();
});
