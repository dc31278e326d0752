// What the cloud adds to a machine's start: from the API's call to the guest's first instruction and to its first address, beside a bare QEMU
// with the same words, files and port; many machines at once; the driver's memory for each; and how long a guest stands still while it moves.
import { guestsMissing } from "../test/compute/guest-cloud.ts";
import { realAtOnce, simulatedAtOnce } from "./machines/at-once.ts";
import { driversMemory } from "./machines/memory.ts";
import { moves } from "./machines/moves.ts";
import { addresses, instructions } from "./machines/starts.ts";
import { startWorld } from "./machines/world.ts";
import type { Figure } from "./main.ts";

/** Measures for about six minutes. */
export async function bench(): Promise<Figure[]> {
  const missing = guestsMissing();
  if (missing !== undefined) {
    console.log(`  real guests skipped: ${missing}`);
    return [await simulatedAtOnce()];
  }
  // First: what others leave behind would be counted, too.
  const figures = [await driversMemory(), await simulatedAtOnce()];
  const world = await startWorld();
  try {
    figures.push(await instructions(world), await addresses(world), await realAtOnce(world));
  } finally {
    await world.stop();
  }
  return [...figures, await moves()];
}

if (import.meta.main) {
  console.table(await bench());
  process.exit(0);
}
