import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { sampleMachine, untilMachine } from "../../../backends/hypervisor/contract.ts";
import { simulatedHypervisor } from "../../../backends/hypervisor/simulated/index.ts";
import { restartDelayMs, restartsSoFar } from "./restarts.ts";
import { type Doing, decide, decisions, moves, type Situation } from "./transitions.ts";

const situation: fc.Arbitrary<Situation> = fc.record({
  state: fc.constantFrom<Doing>("stopped", "starting", "running", "stopping", "failed"),
  wanted: fc.constantFrom("running", "stopped"),
  policy: fc.constantFrom("always", "on_failure", "never"),
  needsRestart: fc.boolean(),
  ranUnasked: fc.boolean(),
  restart: fc.constantFrom("none", "later", "now"),
});

test("decide() finds a way for every situation, and never starts what should be stopped", () => {
  fc.assert(
    fc.property(situation, (one) => {
      const { act } = decide(one);
      if (one.wanted === "stopped") expect(["settle", "halt", "wait"]).toContain(act);
    }),
  );
});

test("every decision is made somewhere", () => {
  const made = new Set(fc.sample(situation, 5_000).map(decide));
  expect(decisions.filter((decision) => !made.has(decision))).toEqual([]);
});

test("a simulated machine moves as the table says", async () => {
  const { signal } = new AbortController();
  const driver = simulatedHypervisor();
  const { imageId: _, ...empty } = sampleMachine("vm-1", "");
  await driver.define(empty, signal);
  const seen: string[] = ["stopped"];
  const note = async () => void seen.push((await driver.state("vm-1"))?.state ?? "");
  driver.onChange(() => void note());
  for (const end of [
    async () => driver.crash("vm-1", "it died"),
    async () => driver.shutDown("vm-1"),
    () => driver.stop("vm-1", { graceMs: 50 }, signal),
  ]) {
    await driver.start("vm-1", signal);
    // That it is starting need not be told.
    await note();
    await untilMachine(driver, "vm-1", "running", 5_000);
    await driver.reset("vm-1", signal);
    await note();
    await untilMachine(driver, "vm-1", "running", 5_000);
    await end();
    while (["running", "stopping"].includes((await driver.state("vm-1"))?.state ?? ""))
      await untilMachine(driver, "vm-1", "stopped", 5_000);
  }
  const known = [
    ...moves,
    ...decisions.flatMap(({ from, to }) => (to === undefined ? [] : from.map((one) => ({ from: one, to })))),
  ];
  for (const [i, to] of seen.entries()) {
    const from = seen[i - 1];
    if (from !== undefined && from !== to) expect(known).toContainEqual(expect.objectContaining({ from, to }));
  }
  await driver.close();
});

test("restartDelayMs() is nothing at first, then doubles up to five minutes", () => {
  expect([0, 1, 2, 3, 20].map(restartDelayMs)).toEqual([0, 2_000, 4_000, 8_000, 300_000]);
});

test("restartsSoFar() forgets what was before ten minutes of running", () => {
  const startTime = timestampFromMs(0);
  const vm = { startTime, restarts: 7 };
  expect([599_999, 600_000].map((now) => restartsSoFar(vm, now))).toEqual([7, 0]);
  expect(restartsSoFar({ restarts: 7 }, 600_000)).toBe(7);
});
