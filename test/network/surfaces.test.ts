// Receipts, paths, flow logs and the network's check through the SDK and the command line, on a server with simulated backends.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { PhotonCloud, type Receipt } from "@photoncloud/sdk";
import { simulatedDrivers, startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { type Run, runPhoton } from "../../cli/src/testing/run.ts";

const drivers = simulatedDrivers();
const { programmed } = drivers.network;
const tenant = { org: "acme", project: "alpha" };

let server: TestCloud;
let cloud: PhotonCloud;
let admin: PhotonCloud;
let token: string;
beforeAll(async () => {
  server = await startTestCloud({ drivers });
  ({ token } = await server.tenant(tenant.org, tenant.project));
  cloud = new PhotonCloud({ endpoint: server.url, credentials: { token }, ...tenant });
  const { orgId, principalId, password } = server.admin;
  admin = new PhotonCloud({ endpoint: server.url, credentials: { principalId, password, orgId } });
});
afterAll(() => server.stop());

async function photon(line: string, as = token): Promise<Run> {
  const env = { PHOTON_ENDPOINT: server.url, PHOTON_TOKEN: as, PHOTON_ORG: "acme", PHOTON_PROJECT: "alpha" };
  return runPhoton(line, { env });
}

async function ports(name: string) {
  const vpc = await cloud.vpcs.create({ name, cidr: "10.0.0.0/16" });
  const subnet = await cloud.subnets.create({ name, vpcId: vpc.id, cidr: "10.0.1.0/24" });
  const one = await cloud.ports.create({ name: `${name}-1`, subnetId: subnet.id });
  const two = await cloud.ports.create({ name: `${name}-2`, subnetId: subnet.id }, { wait: "settled" });
  await cloud.ports.waitUntilReady(one.id);
  return { vpc, one, two };
}

describe("a receipt", () => {
  test.each([
    ["accepted", "accepted"],
    ["settled", "settled"],
    ["programmed", "programmed"],
  ] as const)("of a creation that waits until it is %s says %s", async (wait, expected) => {
    const receipts: Receipt[] = [];
    const onReceipt = (receipt: Receipt) => void receipts.push(receipt);
    const vpc = await cloud.vpcs.create({ name: `r-${wait}`, cidr: "10.0.0.0/16" }, { wait, onReceipt });
    await cloud.vpcs.delete(vpc.id, { wait, onReceipt });
    expect(receipts).toEqual([expected, expected]);
  });

  test("falls short where the hosts take longer than the call may wait", async () => {
    drivers.network.programmed = (_, signal) =>
      new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    const receipts: Receipt[] = [];
    const options = {
      wait: "programmed",
      waitMs: 300,
      onReceipt: (told: Receipt) => void receipts.push(told),
    } as const;
    await cloud.vpcs.create({ name: "late", cidr: "10.0.0.0/16" }, options);
    drivers.network.programmed = programmed;
    expect(receipts).toEqual(["settled"]);
  });

  test("is what --wait=programmed waits for, with its own exit code where time is up", async () => {
    const made = await photon("vpc create --name cli --cidr 10.0.0.0/16 --wait=programmed -o json");
    expect(made).toMatchObject({ code: 0, err: "" });
    drivers.network.programmed = () => Promise.reject(new Error("no host answers"));
    const late = await photon("vpc update cli --labels a=b --wait=programmed --timeout 1");
    drivers.network.programmed = programmed;
    expect(late).toMatchObject({ code: 6, err: expect.stringContaining("not all hosts work by it yet") });
    expect(await photon("vpc delete cli --wait=programmed")).toMatchObject({ code: 0 });
    expect((await photon("vpc delete --wait=soon cli")).code).toBe(2);
  });
});

describe("questions", () => {
  test("AnalyzePath is asked from the SDK and the command line", async () => {
    const { one, two } = await ports("path");
    const answer = await cloud.ports.analyzePath(one.id, {
      destination: two.ipAddress ?? "",
      protocol: "tcp",
      port: 80,
    });
    expect(answer).toMatchObject({ delivered: false, reason: `no ingress rule of ${two.id} allows it` });
    const printed = await photon(`port analyze-path path-1 --destination ${two.ipAddress} --protocol icmp -o json`);
    expect(printed).toMatchObject({ code: 0 });
    expect(JSON.parse(printed.out)).toMatchObject({ delivered: false });
    const refused = await photon(`port analyze-path path-1 --destination nowhere --protocol icmp`);
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining("--destination") });
  });

  test("ReadFlowLog answers an empty page where no packets move", async () => {
    const { vpc } = await ports("flows");
    const { id } = await cloud.flowLogs.create({ name: "flows", vpcId: vpc.id }, { wait: "settled" });
    expect(await cloud.flowLogs.read(id, {})).toMatchObject({ records: [] });
    expect(await photon("flow-log read flows -o json")).toMatchObject({ code: 0 });
  });

  test("CheckNetwork says what is being repaired, to the operator alone", async () => {
    const { one } = await ports("check");
    await drivers.network.remove({ type: "port", id: one.id }, new AbortController().signal);
    expect(await admin.networks.check()).toMatchObject({
      backend: "simulated",
      driftedTotal: 1n,
      drifted: [{ type: "port", id: one.id, detail: "missing" }],
    });
    await expect(cloud.networks.check()).rejects.toMatchObject({ code: "permission_denied" });
    const whole = await photon("network check", await server.adminToken());
    expect(whole).toMatchObject({ code: 0, out: expect.stringMatching(/simulated: \d+ objects compared/) });
    expect((await photon("network check")).code).toBe(4);
  });
});
