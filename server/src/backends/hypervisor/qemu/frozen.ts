// Does something while a guest's file systems keep still, so that what is copied then is whole without a repair. A guest without an agent, or whose
// agent is slow or lies, has it done all the same, as after a power cut.
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { freezeGuest, hasAgent, thawGuest } from "./agent.ts";
import type { MachineFiles } from "./layout.ts";
import type { Qmp } from "./qmp.ts";

/** How often a guest is asked to go on. */
const thaws = 2;

/** Has the guest go on in any case. A mark beside the machine tells a later process of ours that it may be frozen. */
export async function whileFrozen<T>(files: MachineFiles, monitor: Qmp, work: () => Promise<T>): Promise<T> {
  if (!(await hasAgent(monitor))) return work();
  writeFileSync(files.frozen, "", { mode: 0o600 });
  try {
    await freezeGuest(files.agent);
    return await work();
  } finally {
    await thaw(files);
  }
}

/** For a process that found the machine: whoever froze its guest is gone. */
export async function thawLeft(files: MachineFiles): Promise<void> {
  if (existsSync(files.frozen)) await thaw(files);
}

/** The mark stays where the guest does not answer: it is asked again after the next start of ours. */
async function thaw(files: MachineFiles): Promise<void> {
  for (let i = 0; i < thaws; i++) if (await thawGuest(files.agent)) return rmSync(files.frozen, { force: true });
}
