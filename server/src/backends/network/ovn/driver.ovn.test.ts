// The real driver on a private OVN: the contract of every driver.
import { command } from "../../linux/command.ts";
import { networkContract, sampleNetwork } from "../contract.ts";
import { rowUuid } from "./mapping/uuids.ts";
import type { Guest } from "./testing/guest.ts";
import { type NetworkLab, startNetworkLab } from "./testing/network-lab.ts";
import { describeOnOvn } from "./testing/require.ts";

describeOnOvn("a private OVN", () => {
  let lab: NetworkLab | undefined;
  let guest: Guest | undefined;
  const [{ macAddress }] = sampleNetwork("plug").ports;
  networkContract({
    name: "ovn",
    open: async () => {
      lab = await startNetworkLab({ external: { physicalNetwork: "external", address: "203.0.113.1/24" } });
      return lab.driver;
    },
    close: async () => lab?.stop(),
    plug: async (_driver, portId, up) => {
      if (up) guest = await lab?.plug({ portId, macAddress });
      else await guest?.remove();
    },
    spoil: async (_driver, filter) => {
      await command("ovn-nbctl", [`--db=${lab?.ovn.northbound}`, "destroy", "Port_Group", rowUuid(filter)]);
    },
  });
});
