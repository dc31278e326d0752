// Packets as a guest's device sees them (tcpdump).
import type { Guest } from "./field.ts";

/** Packets of TCP that carry something; the refusals at the end of a connection carry nothing. */
export const saying = "tcp[tcpflags] & tcp-push != 0";

/** How many packets that a filter of pcap's takes come to or leave a guest within a time. */
export async function packetsOf(of: Guest, filter: string, withinMs: number): Promise<number> {
  const words = [String(withinMs / 1_000), "tcpdump", "-nn", "-i", "any", "--immediate-mode", filter];
  const { stdout } = await of.run("timeout", ...words);
  return stdout.split("\n").filter((line) => line !== "").length;
}
