// The real driver on a private OVN: the contract of every driver.
import { mkdtemp, rm } from "node:fs/promises";
import { networkContract } from "../contract.ts";
import { openOvnNetwork } from "./driver.ts";
import type { PrivateOvn } from "./private/private-ovn.ts";
import { startPrivateOvn } from "./private/start.ts";
import { describeOnOvn } from "./testing/require.ts";

describeOnOvn("a private OVN", () => {
  let dir = "";
  let ovn: PrivateOvn | undefined;
  networkContract({
    name: "ovn",
    open: async () => {
      dir = await mkdtemp("/tmp/pd");
      ovn = await startPrivateOvn({
        ...{ dir, name: "drvc", hosts: 1 },
        external: { physicalNetwork: "external", address: "203.0.113.1/24" },
      });
      return openOvnNetwork(ovn);
    },
    close: async (driver) => {
      await driver.close();
      await ovn?.stop();
      await rm(dir, { recursive: true, force: true });
    },
  });
});
