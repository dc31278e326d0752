// Resets a guest without losing it in its BIOS. QEMU's Q35 board keeps, over a reset, what the guest's chipset shows at the addresses of the BIOS
// (SeaBIOS, src/fw/shadow.c: "QEMU doesn't map 0xc0000-0xfffff back to the original rom on a reset"). SeaBIOS turns memory on there first and
// copies itself into it then: a reset in between has the processor run through empty memory for ever.
import type { Clock } from "../../../clock.ts";
import { atMost } from "./at-most.ts";
import type { Qmp } from "./qmp.ts";

/** How long a BIOS is waited for, in milliseconds: it takes a tenth of a second, and seconds on a busy host. A guest may have made its own of these addresses: it is reset all the same. */
const longestMs = 10_000;
const pauseMs = 10;
/** Where the processor begins: in the BIOS's copy below 1 MiB and in the ROM below 4 GiB (Intel SDM, volume 3, section 9.1.4). */
const [copied, original] = ["0xffff0", "0xfffffff0"];

/** What is needed of a machine's monitor. */
export type Monitor = Pick<Qmp, "execute" | "closed">;

export async function resetGuest(monitor: Monitor, clock: Clock): Promise<void> {
  const deadline = clock.now() + longestMs;
  while (!(await isInPlace(monitor)) && clock.now() < deadline) await atMost(clock, pauseMs, monitor.closed);
  await monitor.execute("system_reset");
}

/** Whether the BIOS has copied itself. From then on it stays so until the process ends. */
async function isInPlace(monitor: Monitor): Promise<boolean> {
  // Answered in this order: what the map shows as memory is looked into afterwards.
  const [map, copy, rom] = await Promise.all([
    ask(monitor, "info mtree -f"),
    ask(monitor, `xp /8xb ${copied}`),
    ask(monitor, `xp /8xb ${original}`),
  ]);
  return !showsRom(map) && bytesOf(copy) === bytesOf(rom);
}

/** @param map lines such as "00000000000e0000-00000000000fffff (prio 0, rom): pc.bios @0000000000020000" */
function showsRom(map: string): boolean {
  return /^\s*0{10}[\da-f]{6}-.* rom\): pc\.bios/m.test(map);
}

/** @param dump such as "00000000000ffff0: 0xea 0x5b", without its address */
function bytesOf(dump: string): string {
  return dump.replaceAll(/^\S+:\s*/gm, "").trim();
}

/** For what QEMU tells people only. */
async function ask(monitor: Monitor, words: string): Promise<string> {
  return String(await monitor.execute("human-monitor-command", { "command-line": words }));
}
