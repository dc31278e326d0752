import { describe, expect, test } from "@jest/globals";
import type { Clock } from "../../../clock.ts";
import { resetGuest } from "./bios.ts";

const copied = "0xea 0x5b 0xe0 0x00 0xf0 0x30 0x36 0x2f";
const empty = "0x00 0x00 0x00 0x00 0x00 0x00 0x00 0x00";
const romAt = (address: string) => `  ${address} (prio 0, rom): pc.bios @0000000000020000\r\n`;
const high = romAt("00000000fffc0000-00000000ffffffff");
const memory = `  00000000000f0000-00000000000fffff (prio 0, rom): pc.ram @00000000000f0000\r\n${high}`;

/** What a guest's addresses show while its BIOS begins. */
const stages = {
  rom: { map: romAt("00000000000e0000-00000000000fffff") + high, low: copied },
  halfway: { map: memory, low: empty },
  done: { map: memory, low: copied },
};

/** A guest that is one stage further at each look, and stays at the last. */
function guest(...names: readonly (keyof typeof stages)[]) {
  let looks = 0;
  let resetAt: string | undefined;
  const stage = () => names[Math.min(looks, names.length) - 1] ?? "rom";
  const answer = (words: string): string => {
    if (words.startsWith("info")) looks += 1;
    const { map, low } = stages[stage()];
    if (words === "info mtree -f") return map;
    return words.endsWith("0xffff0") ? `00000000000ffff0: ${low}\r\n` : `00000000fffffff0: ${copied}\r\n`;
  };
  const execute = async (command: string, args: object = {}): Promise<unknown> => {
    if (command === "system_reset") resetAt = stage();
    return "command-line" in args ? answer(String(args["command-line"])) : {};
  };
  return {
    monitor: { execute, closed: new Promise<void>(() => {}) },
    resetAt: () => resetAt,
    looks: () => looks,
  };
}

function steppingClock(): Clock {
  let now = 0;
  const sleep = async (ms: number): Promise<void> => {
    now += ms;
  };
  return { now: () => now, sleep };
}

describe("a reset", () => {
  test.each([
    { seen: ["done"] as const, looks: 1 },
    { seen: ["rom", "rom", "halfway", "done"] as const, looks: 4 },
    { seen: ["halfway", "halfway", "done"] as const, looks: 3 },
  ])("waits until the BIOS has copied itself: $seen", async ({ seen, looks }) => {
    const { monitor, ...told } = guest(...seen);
    await resetGuest(monitor, steppingClock());
    expect([told.resetAt(), told.looks()]).toEqual(["done", looks]);
  });

  test("comes in the end, whatever a guest has made of these addresses", async () => {
    const { monitor, resetAt } = guest("halfway");
    await resetGuest(monitor, steppingClock());
    expect(resetAt()).toBe("halfway");
  });
});
