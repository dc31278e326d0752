// What tests may look at with OVN's own tools, which the product never runs.
import { runCommand } from "../../server/src/backends/linux/command.ts";
import type { Field } from "./field.ts";

/** Asks the Northbound of a field; answers what ovn-nbctl wrote, trimmed. */
export async function nbctl(field: Field, ...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand("ovn-nbctl", [`--db=${field.lab.ovn.northbound}`, ...words]);
  if (code !== 0) throw new Error(`ovn-nbctl: ${stderr}`);
  return stdout.trim();
}
