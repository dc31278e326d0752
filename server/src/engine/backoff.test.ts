import { expect, test } from "@jest/globals";
import { backoffMs } from "./backoff.ts";

test("backoffMs() doubles its ceiling from 200 ms to a minute, and draws below it", () => {
  const ceilings = [1, 2, 3, 9, 10, 1_000].map((failures) => backoffMs(failures, () => 1));
  expect(ceilings).toEqual([200, 400, 800, 51_200, 60_000, 60_000]);
  expect(backoffMs(3, () => 0.5)).toBe(400);
  expect(backoffMs(3, () => 0)).toBe(0);
});
