import { expect, test } from "@jest/globals";
import { hypervisorContract, sampleMachine, untilMachine } from "../contract.ts";
import { simulatedHypervisor } from "./index.ts";

hypervisorContract({
  name: "simulated",
  open: async () => simulatedHypervisor(),
  openStubborn: async () => simulatedHypervisor({ shutdownMs: "never" }),
  image: { imageId: "tiny", format: "raw", architecture: "x86_64" },
});

const { signal } = new AbortController();

test("a guest that dies says why, and may be started again", async () => {
  const plugged: [string, boolean][] = [];
  const driver = simulatedHypervisor({ plug: (portId, up) => plugged.push([portId, up]) });
  const { imageId: _, ...empty } = sampleMachine("vm-1", "");
  await driver.define({ ...empty, nics: [{ id: "eth0", portId: "port-1", macAddress: "fa:16:3e:00:00:01" }] }, signal);
  await driver.start("vm-1", signal);
  await untilMachine(driver, "vm-1", "running", 5_000);
  driver.crash("vm-1", "the guest's kernel panicked");
  expect(await driver.state("vm-1")).toEqual({ state: "failed", reason: "the guest's kernel panicked" });
  expect(plugged).toEqual([
    ["port-1", true],
    ["port-1", false],
  ]);
  await driver.start("vm-1", signal);
  await untilMachine(driver, "vm-1", "running", 5_000);
  await driver.close();
});
