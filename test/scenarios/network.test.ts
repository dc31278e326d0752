// The platform's network scenario on the simulated network, whose own reckoning stands for packets. test/network has it with real ones.
import { afterAll, beforeAll, test } from "@jest/globals";
import { simulatedDrivers, startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { tenantsNeverMeet } from "./tenant-isolation.ts";

const drivers = simulatedDrivers();
let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud({ drivers });
});
afterAll(() => cloud.stop());

test("test_network_tenant_isolation", async () => {
  const to = { toIp: "10.0.1.11", protocol: "tcp", port: 80 } as const;
  await tenantsNeverMeet(cloud, {
    seat: async () => {},
    reaches: async ({ id }) => (await drivers.network.reaches({ fromPortId: String(id), ...to })).reached,
  });
});
