// What a wait that comes to nothing says.
import { expect, test } from "@jest/globals";
import { realTiming } from "./timing.ts";
import { untilReady, type WaitOptions } from "./wait.ts";

const states: readonly [string, WaitOptions, string][] = [
  ["failed", { failedMs: 0 }, "image mine failed (BadFormat: it is no disk)"],
  ["creating", { timeoutMs: 0 }, "image mine was not settled within 0 ms; it is creating (BadFormat: it is no disk)"],
  [
    "failed",
    { timeoutMs: 0, failedMs: 60_000 },
    "image mine was not settled within 0 ms; it is failed (BadFormat: it is no disk)",
  ],
];

test.each(states)("one that is %s, waited for with %j, says: %s", async (state, options, message) => {
  const image = { id: "mine", status: { state, reason: "BadFormat", message: "it is no disk" } };
  const waiting = {
    what: "image mine",
    options,
    timing: realTiming,
    get: async () => image,
    async *watch(signal: AbortSignal) {
      signal.throwIfAborted();
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
      yield { change: "bookmark" as const, cursor: "" };
    },
  };
  await expect(untilReady(waiting)).rejects.toMatchObject({ message });
});
