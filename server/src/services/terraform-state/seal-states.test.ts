// States that lay readable are sealed by the first server with a master key, and read as before.
import { expect, test } from "@jest/globals";
import { systemClock } from "../../clock.ts";
import { openWorld } from "../iam/testing/world.ts";
import { createSealing } from "../iam/tokens/sealing.ts";
import { sealStates } from "./seal-states.ts";
import { States } from "./states.ts";

const clock = systemClock;
const key = new Uint8Array(32).fill(7);
const of = { tenant: { org: "acme", project: "alpha" }, name: "web" };

test("sealStates() seals all versions, once, and nothing where there is no key", async () => {
  const { store, ...world } = await openWorld({ start: false });
  const [plain, sealing] = [createSealing(undefined), createSealing(key)];
  const before = new States({ store, sealing: plain, clock });
  for (const content of ["one", "two"]) await before.write(of, content, "user:acme/alice", "");
  const states = new States({ store, sealing, clock });
  const isReadable = async (version: number) => (await before.read(of, version).catch(() => "sealed")) !== "sealed";
  await sealStates({ store, sealing: plain, states: before });
  expect(await Promise.all([1, 2].map(isReadable))).toEqual([true, true]);
  await sealStates({ store, sealing, states });
  expect(await Promise.all([1, 2].map(isReadable))).toEqual([false, false]);
  expect(await Promise.all([1, 2].map((version) => states.read(of, version)))).toEqual(["one", "two"]);
  await sealStates({ store, sealing, states: { sealPlain: () => Promise.reject(new Error("it is done")) } });
  await world.iam.stop();
  await store.close();
});
