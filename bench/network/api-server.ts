// The whole server on a given OVN, in a process of its own: `api-server.ts NORTHBOUND SOUTHBOUND`. Tells its parent where it is.
import { startTestCloud } from "@photoncloud/server/testing";
import { simulatedHypervisor } from "../../server/src/backends/hypervisor/simulated/index.ts";
import { openOvnNetwork } from "../../server/src/backends/network/ovn/driver.ts";

const [, , northbound = "", southbound = ""] = process.argv;
const network = await openOvnNetwork({ northbound, southbound });
const cloud = await startTestCloud({ drivers: { network, hypervisor: simulatedHypervisor({}) } });
const { orgId, projectId, token } = await cloud.tenant("acme", "alpha");
process.send?.({ url: cloud.url, orgId, projectId, token });
process.once("disconnect", () => {
  cloud.stop().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
