import { expect, test } from "@jest/globals";
import { InjectedFault, onCall, whenever, withFaults, withFaultsEverywhere } from "./faults.ts";

/** A driver that counts, with private state, as real ones have. */
class Counter {
  readonly name = "counter";
  #count = 0;
  async add(by: number, _signal?: AbortSignal): Promise<number> {
    this.#count += by;
    return this.#count;
  }
  onChange(_listener: () => void): () => void {
    return () => {};
  }
}

test("withFaults() fails the nth call before it has an effect", async () => {
  const driver = withFaults(new Counter(), onCall("add", 2, { fault: "fail" }));
  expect(await driver.add(1)).toBe(1);
  await expect(driver.add(1)).rejects.toThrow(InjectedFault);
  expect(await driver.add(1)).toBe(2);
  expect(driver.name).toBe("counter");
});

test("withFaults() loses the answer of a call that took effect", async () => {
  const error = new Error("gone");
  const driver = withFaults(new Counter(), onCall("add", 1, { fault: "lost_answer", error }));
  await expect(driver.add(1)).rejects.toBe(error);
  expect(await driver.add(1)).toBe(2);
});

test("withFaults() holds a call until it may go on", async () => {
  const gate = Promise.withResolvers<void>();
  const driver = withFaults(new Counter(), onCall("add", 1, { fault: "delay", until: gate.promise }));
  const slow = driver.add(1);
  expect(await driver.add(10)).toBe(10);
  gate.resolve();
  expect(await slow).toBe(11);
});

test("withFaults() hangs a call until its signal aborts", async () => {
  const driver = withFaults(new Counter(), onCall("add", 1, { fault: "hang" }));
  const controller = new AbortController();
  const hanging = driver.add(1, controller.signal);
  controller.abort();
  await expect(hanging).rejects.toThrow("hung until it was aborted");
});

test("withFaults() fails every call while an outage lasts", async () => {
  let down = true;
  const driver = withFaults(
    new Counter(),
    whenever("add", () => down, { fault: "fail" }),
  );
  await expect(driver.add(1)).rejects.toThrow(InjectedFault);
  down = false;
  expect(await driver.add(1)).toBe(1);
});

test("withFaults() lets listeners be registered whatever the plan says", () => {
  const driver = withFaults(new Counter(), () => ({ fault: "fail" }));
  expect(typeof driver.onChange(() => {})).toBe("function");
});

test("withFaultsEverywhere() counts over all drivers and names them by role", async () => {
  const seen: string[] = [];
  const drivers = withFaultsEverywhere({ one: new Counter(), two: new Counter() }, (call) => {
    seen.push(`${call.overall} ${call.method} ${call.nth}`);
    return undefined;
  });
  await drivers.one.add(1);
  await drivers.two.add(1);
  await drivers.one.add(1);
  expect(seen).toEqual(["1 one.add 1", "2 two.add 1", "3 one.add 2"]);
});
