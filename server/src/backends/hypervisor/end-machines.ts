// Ends all machines of a host whose network ends, in order: their guests are asked first.
import { type Clock, systemClock } from "../../clock.ts";
import type { HypervisorDriver } from "./driver.ts";

/** How long a guest may take to shut down before the plug is pulled, and a process to be gone after that. Milliseconds. */
const graceMs = 10_000;
const goneMs = 5_000;
/** How often it is looked at. Milliseconds. */
const lookMs = 50;

/** Told of each machine that ran and is being ended. */
export type Ending = (machine: { readonly vmId: string; readonly owner: string }) => Promise<void>;

export interface EndTerms {
  readonly clock?: Clock;
  readonly ending?: Ending;
}

/** Resolves when none runs any more, and all has been told. @throws Error if one does. */
export async function endMachines(
  hypervisor: HypervisorDriver,
  { clock = systemClock, ending = async () => {} }: EndTerms = {},
): Promise<void> {
  const { signal } = new AbortController();
  const told = new Map<string, Promise<void>>();
  const unhear = hypervisor.onChange((machine) => {
    if (!told.has(machine.vmId)) told.set(machine.vmId, ending(machine));
  });
  try {
    const { machines } = await hypervisor.inventory(signal);
    await Promise.all(machines.map((vmId) => end(hypervisor, vmId, clock)));
    await Promise.all(told.values());
  } finally {
    unhear();
  }
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
