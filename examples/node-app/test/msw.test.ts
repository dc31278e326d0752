// The service against a cloud in memory, by msw: what it does in the end.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { PhotonCloud, PhotonError } from "@photoncloud/sdk";
import { mockCloud } from "@photoncloud/sdk/testing";
import { http } from "msw";
import { setupServer } from "msw/node";
import { Environments } from "../src/environments.ts";
import { createService } from "../src/service.ts";

const mock = mockCloud("http://cloud.test");
const interceptor = setupServer(...mock.handlers(http));
const cloud = new PhotonCloud({
  endpoint: mock.endpoint,
  credentials: { principalId: "environments", keySecret: "pck_test" },
  org: "acme-corp",
  project: "project-alpha",
  retries: 0,
});
const service = createService(new Environments(cloud));
let url: string;

beforeAll(async () => {
  interceptor.listen({ onUnhandledFrame: "bypass" });
  service.listen(0, "127.0.0.1");
  await once(service, "listening");
  url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/environments`;
});
afterEach(() => mock.reset());
afterAll(() => {
  interceptor.close();
  service.closeAllConnections();
  service.close();
});

const post = (body: unknown) => fetch(url, { method: "POST", body: JSON.stringify(body) });

test("POST makes a network and a machine, and GET shows them", async () => {
  const made = await post({ name: "blue", cpu: 2 });
  expect(made.status).toBe(201);
  expect(await made.json()).toMatchObject({ name: "blue" });
  expect(mock.all("vms")[0]).toMatchObject({
    name: "blue",
    spec: { cpu: 2, network: [{ portId: mock.all("ports")[0]?.id }] },
  });
  expect(mock.all("subnets")[0]).toMatchObject({ vpcId: mock.all("vpcs")[0]?.id });
  expect(await (await fetch(url)).json()).toHaveLength(1);
  expect((await fetch(`${url}/blue`)).status).toBe(200);
});

test("POST finishes what a failure left half done", async () => {
  mock.failNext("CreateVm", new PhotonError("unavailable", "the cloud restarts"));
  expect((await post({ name: "blue" })).status).toBe(503);
  expect((await post({ name: "blue" })).status).toBe(201);
  for (const kind of ["vpcs", "subnets", "ports", "vms"] as const) expect(mock.all(kind)).toHaveLength(1);
});

test("POST passes on which field is wrong", async () => {
  const refused = await post({ name: "No Spaces" });
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({ violations: [{ path: "name", rule: "format" }] });
  expect((await post({})).status).toBe(400);
});

test("DELETE removes everything", async () => {
  await post({ name: "blue" });
  expect((await fetch(`${url}/blue`, { method: "DELETE" })).status).toBe(204);
  for (const kind of ["vpcs", "subnets", "ports", "vms"] as const) expect(mock.all(kind)).toEqual([]);
  expect((await fetch(`${url}/blue`)).status).toBe(404);
});
