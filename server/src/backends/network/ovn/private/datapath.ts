// Which of Open vSwitch's datapaths works here.
import { existsSync } from "node:fs";
import { runCommand } from "../../../linux/command.ts";

/** "system": the kernel's. "netdev": in userspace, which needs nothing of the kernel but tap devices. */
export type Datapath = "system" | "netdev";

const modules = ["openvswitch", "geneve"];

/** The kernel's datapath where its modules are there or can be loaded. */
export async function pickDatapath(): Promise<Datapath> {
  for (const module of modules) {
    const loaded = () => existsSync(`/sys/module/${module}`);
    if (!loaded()) await runCommand("modprobe", ["-q", module]).catch(() => {});
    if (!loaded()) return "netdev";
  }
  return "system";
}
