// Tests that need a real OVN: without it, or without root, they are skipped by name; CI has it and lets no test be skipped.
import { describe } from "@jest/globals";
import { hasProgram, ovnMissing } from "../private/missing.ts";

/** `describe`, or a skipped one that says why. @param programs what guests run beside the system's own. */
export function describeOnOvn(name: string, body: () => void, programs: readonly string[] = []): void {
  const lacking = programs.filter((program) => !hasProgram(program));
  const missing = ovnMissing() ?? (lacking.length === 0 ? undefined : `not installed: ${lacking.join(", ")}`);
  if (missing === undefined) describe(name, body);
  else describe.skip(`${name} (${missing})`, body);
}
