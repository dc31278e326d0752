// Ends all machines of a host whose network ends, in order: their guests are asked first.
import { type Clock, systemClock } from "../../clock.ts";
import type { HypervisorDriver } from "./driver.ts";

/** How long a guest may take to shut down before the plug is pulled, and a process to be gone after that. Milliseconds. */
const graceMs = 10_000;
const goneMs = 5_000;
/** How often it is looked at. Milliseconds. */
const lookMs = 50;

/** Resolves when none runs any more. @throws Error if one does. */
export async function endMachines(hypervisor: HypervisorDriver, clock: Clock = systemClock): Promise<void> {
  const { signal } = new AbortController();
  const { machines } = await hypervisor.inventory(signal);
  await Promise.all(machines.map((vmId) => end(hypervisor, vmId, clock)));
}

async function end(hypervisor: HypervisorDriver, vmId: string, clock: Clock): Promise<void> {
  const { signal } = new AbortController();
  const deadline = clock.now() + graceMs + goneMs;
  await hypervisor.stop(vmId, { graceMs }, signal);
  for (;;) {
    const now = await hypervisor.state(vmId, signal);
    if (now === undefined || now.state === "stopped" || now.state === "failed") return;
    if (clock.now() > deadline) throw new Error(`machine ${vmId} does not end`);
    await clock.sleep(lookMs, signal);
  }
}
