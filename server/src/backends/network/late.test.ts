import { expect, test } from "@jest/globals";
import type { NetworkDriver } from "./driver.ts";
import { lateNetwork } from "./late.ts";
import { simulatedNetwork } from "./simulated/index.ts";

const { signal } = new AbortController();
const filter = { type: "filter", id: "sg-1", owner: "acme/alpha", rules: [] } as const;

test("what is asked before the backend answers is done when it does", async () => {
  const opened = Promise.withResolvers<NetworkDriver>();
  const driver = lateNetwork("ovn", () => opened.promise);
  const ensured = driver.ensure(filter, signal);
  const backend = simulatedNetwork();
  opened.resolve(backend);
  await ensured;
  expect(await backend.inventory()).toEqual([{ type: "filter", id: "sg-1" }]);
  await driver.close();
});

test("a backend that does not answer is unavailable, and close() stops waiting for it", async () => {
  let asked: AbortSignal | undefined;
  const driver = lateNetwork("ovn", (closing) => {
    asked = closing;
    return new Promise((_, reject) => closing.addEventListener("abort", () => reject(new Error("closed"))));
  });
  await expect(driver.ensure(filter, signal)).rejects.toMatchObject({ name: "DriverError", reason: "unavailable" });
  await expect(driver.ensure(filter, AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
  await driver.close();
  expect(asked?.aborted).toBe(true);
});
