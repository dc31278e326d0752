import { expect, test } from "@jest/globals";
import { isFaulty } from "./userspace-faults.ts";

test.each(["3.1.0", "3.1.2", "3.0.4", "2.17.7", "3.2.2", "2.16.9", "2.13", "", "none"])(
  "%s has the faults",
  (version) => {
    expect(isFaulty(version)).toBe(true);
  },
);

test.each(["3.1.3", "3.0.5", "2.17.8", "3.2.3", "3.3.0", "3.10.0", "4.0"])("%s does without them", (version) => {
  expect(isFaulty(version)).toBe(false);
});
