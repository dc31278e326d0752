// The service against the real server in memory: what its mocks promise holds.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { PhotonCloud } from "@photoncloud/sdk";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { Environments } from "../../examples/node-app/src/environments.ts";

let server: TestCloud;
beforeAll(async () => {
  server = await startTestCloud();
});
afterAll(() => server.stop());

test("an environment comes and goes", async () => {
  const { orgId, projectId, serviceAccountId, keySecret } = await server.tenant("acme-corp", "project-alpha");
  const credentials = { principalId: serviceAccountId, keySecret };
  const environments = new Environments(
    new PhotonCloud({ endpoint: server.url, credentials, org: orgId, project: projectId }),
  );
  const made = await environments.create({ name: "blue" });
  expect(made).toMatchObject({ name: "blue", state: "running", address: expect.stringMatching(/^10\.0\.0\./) });
  expect(await environments.create({ name: "blue" })).toEqual(made);
  expect(await environments.list()).toEqual([made]);
  await environments.delete("blue");
  expect(await environments.list()).toEqual([]);
});
