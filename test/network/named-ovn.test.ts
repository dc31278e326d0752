// A server that drives an OVN of its operator's: it runs while OVN does not, and does what is due when OVN comes.
import { mkdtempSync, rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import type { PrivateOvn } from "../../server/src/backends/network/ovn/private/private-ovn.ts";
import { startPrivateOvn } from "../../server/src/backends/network/ovn/private/start.ts";
import { describeOnOvn } from "../../server/src/backends/network/ovn/testing/require.ts";
import { Hands } from "../scenarios/calls.ts";

describeOnOvn("a server with --ovn-northbound", () => {
  const dir = mkdtempSync("/tmp/p");
  let cloud: TestCloud;
  let ovn: PrivateOvn | undefined;
  beforeAll(async () => {
    const remotes = ["--ovn-northbound", `unix:${dir}/nb1.sock`, "--ovn-southbound", `unix:${dir}/sb1.sock`];
    cloud = await startTestCloud({ argv: ["--network", "ovn", ...remotes] });
  });
  afterAll(async () => {
    await cloud.stop();
    await ovn?.stop();
    rmSync(dir, { recursive: true, force: true });
  }, 30_000);

  test("takes orders while OVN does not answer, says so, and carries them out when it does", async () => {
    const hands = new Hands(cloud.url, await cloud.tenant("acme", "web"));
    const { id } = await hands.create("Vpc", { name: "main", cidr: "10.0.0.0/16" });
    const waiting = await hands.until("Vpc", id, ({ status }) =>
      JSON.stringify(status).includes("does not answer yet"),
    );
    expect(waiting.status).toMatchObject({ state: "STATE_CREATING" });
    ovn = await startPrivateOvn({ dir, name: "tnamed" });
    const ready = await hands.ready("Vpc", id);
    expect(ready.status).toMatchObject({ backend: "ovn" });
  }, 60_000);
});
