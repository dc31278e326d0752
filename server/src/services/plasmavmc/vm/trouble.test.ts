// A guest that does not get on, though its machine is on: its machine says why, and that it has passed.
import { afterEach, expect, test } from "@jest/globals";
import { State } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { VmSchema, VmState } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { type HostsCloud, openHostsCloud } from "../../testing/hosts-cloud.ts";

let world: HostsCloud;
afterEach(() => world.cloud.stop());

const trouble = "it waits: the host's disk is full; it goes on when there is room";

test("what keeps a guest from getting on stands in its machine's state_reason as long as it lasts", async () => {
  let isFull = false;
  world = await openHostsCloud([{ id: "a" }], async (_, method, call) => {
    const answer = await call();
    return isFull && method === "a.state" && typeof answer === "object" ? { ...answer, trouble } : answer;
  });
  const { cloud } = world;
  const { id } = await cloud.make(VmSchema, { name: "red", spec: {} });
  isFull = true;
  await cloud.store.scheduleAll(VmSchema.typeName, 0);
  const waits = await cloud.until(VmSchema, id, ({ stateReason }) => stateReason !== "");
  expect(waits).toMatchObject({ state: VmState.RUNNING, stateReason: trouble, status: { state: State.READY } });
  isFull = false;
  await cloud.until(VmSchema, id, ({ stateReason }) => stateReason === "");
});
