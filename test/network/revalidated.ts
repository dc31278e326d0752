// Open vSwitch's memory of flows, which tests wait for before they look whether something is closed.
import { command } from "../../server/src/backends/linux/command.ts";
import type { PrivateOvn } from "../../server/src/backends/network/ovn/private/private-ovn.ts";

/** The hosts have the new flows, but packets go by what Open vSwitch remembers of the old ones until it has looked that through: resolves then. */
export async function revalidated({ hosts }: PrivateOvn): Promise<void> {
  const waits = hosts.map(({ runDir }) =>
    command("ovs-appctl", ["-t", "ovs-vswitchd", "revalidator/wait"], { env: { OVS_RUNDIR: runDir } }),
  );
  // A host whose Open vSwitch a test has ended remembers nothing.
  await Promise.allSettled(waits);
}
