// A guest that does not get on, though its machine is on: its machine says why, and that it has passed.
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { State } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { type Vm, VmSchema, VmState } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { type HostsCloud, openHostsCloud } from "../../testing/hosts-cloud.ts";

let world: HostsCloud;
let isInTrouble = false;
let id = "";

beforeEach(async () => {
  isInTrouble = false;
  world = await openHostsCloud([{ id: "a", moveMs: 60_000 }, { id: "b" }], async (_, method, call) => {
    const answer = await call();
    return isInTrouble && method === "a.state" && typeof answer === "object" ? { ...answer, trouble } : answer;
  });
  ({ id } = await world.cloud.make(VmSchema, { name: "red", spec: {} }));
});
afterEach(() => world.cloud.stop());

const trouble = "it waits: the host's disk is full; it goes on when there is room";

const says = (reason: string) => world.cloud.until(VmSchema, id, ({ stateReason }) => stateReason === reason);
/** From now on, and looked at. */
const becomesTrouble = async () => {
  isInTrouble = true;
  await world.cloud.store.scheduleAll(VmSchema.typeName, 0);
};

test("what keeps a guest from getting on stands in its machine's state_reason as long as it lasts", async () => {
  await becomesTrouble();
  expect(await says(trouble)).toMatchObject({ state: VmState.RUNNING, status: { state: State.READY } });
  isInTrouble = false;
  await says("");
});

test("it passes from a machine that was started again before, and why that was stays", async () => {
  world.drivers.get("a")?.crash(id, "its kernel panicked");
  const isAgain = ({ restarts, state }: Vm) => restarts === 1 && state === VmState.RUNNING;
  expect(await world.cloud.until(VmSchema, id, isAgain)).toMatchObject({ stateReason: "its kernel panicked" });
  await becomesTrouble();
  await says(`${trouble}; before that: its kernel panicked`);
  isInTrouble = false;
  await says("its kernel panicked");
});

test("it is told while the machine is moved, and passes where that has ended", async () => {
  await world.migrate(id);
  isInTrouble = true;
  await says(trouble);
  isInTrouble = false;
  await world.cloud.custom(VmSchema, "CancelVmMove", { id });
  await says("");
});
