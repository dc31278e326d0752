// Tests that need a real OVN: without it, or without root, they are skipped by name; CI has it and lets no test be skipped.
import { describe } from "@jest/globals";
import { ovnMissing } from "../private/missing.ts";

/** `describe`, or a skipped one that says why. */
export function describeOnOvn(name: string, body: () => void): void {
  const missing = ovnMissing();
  if (missing === undefined) describe(name, body);
  else describe.skip(`${name} (${missing})`, body);
}
