// Opens a fresh store for each test of a suite and closes it afterwards.
import { afterEach } from "@jest/globals";
import type { Open, Opened } from "./fixtures.ts";

/** Answers a function that opens; what it opened is closed after the test. */
export function eachTest(open: Open): Open {
  const opened: Opened[] = [];
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
  });
  return async () => {
    const one = await open();
    opened.push(one);
    return one;
  };
}
