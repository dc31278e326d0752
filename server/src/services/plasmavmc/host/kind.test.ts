import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { HostSchema, HostState } from "@photoncloud/proto/gen/plasmavmc/v1/host_pb";
import { openSmallCloud, outcome, type SmallCloud } from "../../testing/small-cloud.ts";
import { report } from "./report.ts";

let cloud: SmallCloud;
beforeAll(async () => {
  cloud = await openSmallCloud();
});
afterAll(() => cloud.stop());

const system = { orgId: "", projectId: "" };
const get = (id: string) => cloud.get(HostSchema, id, system);

test("a new host says at once that it waits for its agent, and takes machines", async () => {
  await cloud.create(HostSchema, { id: "waits" });
  const stateReason = "it has not joined yet";
  expect(await get("waits")).toMatchObject({ schedulable: true, state: HostState.JOINING, stateReason });
});

test("a host may be kept from taking machines", async () => {
  await cloud.create(HostSchema, { id: "closed", schedulable: false });
  await cloud.update(HostSchema, "closed", { labels: { rack: "4" } });
  expect(await get("closed")).toMatchObject({ schedulable: false, labels: { rack: "4" } });
});

test("fencing is kept, and a fenced host may be deleted", async () => {
  await cloud.create(HostSchema, { id: "off" });
  await cloud.custom(HostSchema, "FenceHost", { id: "off" });
  expect(await get("off")).toMatchObject({ state: HostState.FENCED, certificates: [] });
  expect(await outcome(cloud.delete(HostSchema, "off", system))).toBe("ok");
});

test("a host that answers is not fenced by mistake, but may be expelled", async () => {
  await cloud.create(HostSchema, { id: "on" });
  await report(cloud.store, "on", (host) => {
    Object.assign(host, { state: HostState.READY, address: "10.0.0.1:1" });
  });
  await expect(cloud.custom(HostSchema, "FenceHost", { id: "on" })).rejects.toThrow("host on answers, so that its");
  expect(await get("on")).toMatchObject({ state: HostState.READY });
  await cloud.custom(HostSchema, "ExpelHost", { id: "on" });
  const stateReason = expect.stringContaining("its machines may run there yet");
  expect(await get("on")).toMatchObject({ state: HostState.FENCED, stateReason, certificates: [] });
});
