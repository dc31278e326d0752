// What tests may look at with OVN's own tools, which the product never runs.
import { runCommand } from "../../server/src/backends/linux/command.ts";
import type { NetworkLab } from "../../server/src/backends/network/ovn/testing/network-lab.ts";

/** A field of either kind. */
interface OnLab {
  readonly lab: NetworkLab;
}

/** Asks the Northbound of a field; answers what ovn-nbctl wrote, trimmed. */
export function nbctl({ lab: { ovn } }: OnLab, ...words: readonly string[]): Promise<string> {
  return said("ovn-nbctl", `--db=${ovn.northbound}`, ...words);
}

/** Asks the Southbound of a field. */
export function sbctl({ lab: { ovn } }: OnLab, ...words: readonly string[]): Promise<string> {
  return said("ovn-sbctl", `--db=${ovn.southbound}`, ...words);
}

async function said(program: string, ...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(program, words);
  if (code !== 0) throw new Error(`${program}: ${stderr}`);
  return stdout.trim();
}
