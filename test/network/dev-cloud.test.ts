// The network of `photon server --dev`, by packets from beyond it: an elastic IP of either family, with nothing set up by hand.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { PhotonCloud } from "@photoncloud/sdk";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { runCommand } from "../../server/src/backends/linux/command.ts";
import { inside } from "../../server/src/backends/linux/namespaces.ts";
import type { Guest } from "../../server/src/backends/network/ovn/testing/guest.ts";
import { plugGuest } from "../../server/src/backends/network/ovn/testing/namespace-guest.ts";
import { describeOnOvn, eventually } from "./field.ts";

describeOnOvn("photon server --dev", () => {
  let cloud: TestCloud;
  let sdk: PhotonCloud;
  let guest: Guest | undefined;
  beforeAll(async () => {
    cloud = await startTestCloud({ argv: ["--network", "ovn"] });
    const { orgId: org, projectId: project, token } = await cloud.tenant("acme", "web");
    sdk = new PhotonCloud({ endpoint: cloud.url, credentials: { token }, org, project });
  }, 60_000);
  afterAll(async () => {
    await guest?.remove();
    await cloud?.stop();
  }, 60_000);

  /** Where everything of its network is. */
  const told = () => JSON.parse(readFileSync(join(cloud.dataDir, "network.json"), "utf8"));

  /** What a page says that is asked for from beyond the cloud. */
  async function page(address: string): Promise<string> {
    const url = address.includes(":") ? `http://[${address}]/` : `http://${address}/`;
    const [program = "", ...words] = inside(told().outside ?? undefined, "curl", "-s", "-m", "2", "--http0.9", url);
    return (await runCommand(program, words)).stdout;
  }

  /** A guest of a VPC with both families, behind a group that lets all in. */
  async function seat() {
    const addresses = { cidr: "10.6.0.0/16", ipv6Cidr: "fd00:6::/48" };
    const { id: vpcId } = await sdk.vpcs.create({ name: "main", ...addresses, externalNetworkId: "external" });
    const subnet = await sdk.subnets.create({ name: "main", vpcId }, { wait: "settled" });
    const rules = { all: { direction: "ingress" as const } };
    const { id: groupId } = await sdk.securityGroups.create({ name: "open", rules });
    const asked = { name: "web", subnetId: subnet.id, securityGroupIds: [groupId] };
    const port = await sdk.ports.create(asked, { wait: "settled" });
    guest = await plugGuest({ hosts: told().hosts }, { portId: port.id, macAddress: port.macAddress ?? "" });
    await guest.configure({
      addresses: [`${port.ipAddress}/24`, `${port.ipv6Address}/64`],
      gateways: [subnet.gateway ?? "", subnet.ipv6Gateway ?? ""],
    });
    await guest.serveTcp(80, "hello");
    return port;
  }

  test("gives elastic IPs of either family, which are reached from this machine", async () => {
    const { id: portId } = await seat();
    for (const family of ["ipv6", "ipv4"] as const) {
      const { address = "" } = await sdk.elasticIps.create({ name: family, portId, family }, { wait: "settled" });
      expect(address).toMatch(family === "ipv6" ? /^2001:db8:113::/ : /^203\.0\.113\./);
      const said = await eventually(
        () => page(address),
        (text) => text.includes("hello"),
      );
      expect({ family, said }).toMatchObject({ said: expect.stringContaining("hello") });
    }
  }, 90_000);
}, ["curl"]);
