// The real driver on a private OVN: the contract of every driver.
import { mkdtemp, rm } from "node:fs/promises";
import { command } from "../../linux/command.ts";
import { networkContract } from "../contract.ts";
import { openOvnNetwork } from "./driver.ts";
import { filterGroupUuid } from "./mapping/uuids.ts";
import type { PrivateOvn } from "./private/private-ovn.ts";
import { startPrivateOvn } from "./private/start.ts";
import type { Guest } from "./testing/guest.ts";
import { plugGuest } from "./testing/namespace-guest.ts";
import { describeOnOvn } from "./testing/require.ts";

describeOnOvn("a private OVN", () => {
  let dir = "";
  let ovn: PrivateOvn | undefined;
  const guests = new Map<string, Guest>();
  const running = (): PrivateOvn => {
    if (ovn === undefined) throw new Error("the private OVN does not run");
    return ovn;
  };
  networkContract({
    name: "ovn",
    open: async () => {
      dir = await mkdtemp("/tmp/pd");
      ovn = await startPrivateOvn({
        dir,
        name: "drvc",
        hosts: 1,
        external: { physicalNetwork: "external", address: "203.0.113.1/24" },
      });
      return openOvnNetwork(ovn);
    },
    close: async (driver) => {
      await driver.close();
      await ovn?.stop();
      await rm(dir, { recursive: true, force: true });
    },
    plug: async (_, portId, up) => {
      if (up) guests.set(portId, await plugGuest(running(), { portId, macAddress: "fa:16:3e:00:00:01" }));
      else await guests.get(portId)?.remove();
    },
    spoil: async (_, filter) => {
      const inVpc = filterGroupUuid(filter.id, filter.id.replace("sg-", "vpc-"));
      const words = ["clear", "Port_Group", inVpc, "acls"];
      await command("ovn-nbctl", [`--db=${running().northbound}`, ...words]);
    },
  });
});
