// Asks a guest to shut down: by the power button, and where it has no ear for that by its agent.
import { hasAgent, shutDownGuest } from "./agent.ts";
import type { Qmp } from "./qmp.ts";

/** @param asked how often it was asked before. */
export async function askToShutDown(monitor: Qmp, agent: string, asked: number): Promise<void> {
  await monitor.execute("system_powerdown").catch(() => {});
  if (asked > 0 && (await hasAgent(monitor).catch(() => false))) await shutDownGuest(agent);
}
