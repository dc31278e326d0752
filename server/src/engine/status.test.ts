import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { State, StatusSchema } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import type { ResourceRow } from "../store/store.ts";
import { currentStatus, failedStatus, isReady, pendingStatus, readyStatus } from "./status.ts";

function row(version: number, phase: ResourceRow["phase"] = "live"): ResourceRow {
  const none = new Uint8Array();
  const columns = { name: "web", data: none, observed: none, secret: none, createdAt: 0, updatedAt: 0 };
  return {
    tenant: { org: "acme", project: "alpha" },
    kind: "prismnet.v1.Vpc",
    id: "vpc-1",
    version,
    phase,
    ...columns,
  };
}

const stored = (state: State, version: number) =>
  create(StatusSchema, { state, backend: "simulated", observedVersion: BigInt(version) });

test.each([
  { row: row(1), stored: undefined, state: State.CREATING },
  { row: row(1), stored: stored(State.READY, 1), state: State.READY },
  { row: row(2), stored: stored(State.READY, 1), state: State.UPDATING },
  { row: row(2), stored: stored(State.CREATING, 1), state: State.CREATING },
  { row: row(2), stored: stored(State.FAILED, 1), state: State.UPDATING },
  { row: row(1), stored: stored(State.FAILED, 1), state: State.FAILED },
  { row: row(3, "deleting"), stored: stored(State.READY, 2), state: State.DELETING },
])("currentStatus() shows $state for version $row.version in phase $row.phase", ({ row, stored, state }) => {
  expect(currentStatus(row, stored).state).toBe(state);
});

test("isReady() needs the present version, and a live resource", () => {
  expect(isReady(row(1), stored(State.READY, 1))).toBe(true);
  expect(isReady(row(2), stored(State.READY, 1))).toBe(false);
  expect(isReady(row(2, "deleting"), stored(State.READY, 1))).toBe(false);
});

const trouble = { hindrance: { reason: "BackendUnavailable", message: "no answer" }, backend: "simulated" };

test("failedStatus() says why from the first failure on, and FAILED from the third", () => {
  const first = failedStatus(row(1), undefined, { ...trouble, failures: 1 });
  expect(first).toMatchObject({ state: State.CREATING, reason: "BackendUnavailable", message: "no answer" });
  const third = failedStatus(row(1), first, { ...trouble, failures: 3 });
  expect(third).toMatchObject({ state: State.FAILED, reason: "BackendUnavailable", observedVersion: 1n });
});

test("failedStatus() leaves a ready resource ready until the failure lasts", () => {
  const ready = readyStatus(1, "simulated");
  expect(failedStatus(row(1), ready, { ...trouble, failures: 2 })).toEqual(ready);
  expect(failedStatus(row(1), ready, { ...trouble, failures: 3 }).state).toBe(State.FAILED);
});

test("failedStatus() of a deletion stays DELETING and says why", () => {
  const status = failedStatus(row(2, "deleting"), readyStatus(1, "simulated"), { ...trouble, failures: 9 });
  expect(status).toMatchObject({ state: State.DELETING, reason: "BackendUnavailable" });
});

test("pendingStatus() keeps a failure in sight while it is tried again", () => {
  const failed = failedStatus(row(1), undefined, { ...trouble, failures: 3 });
  const starting = { hindrance: { reason: "Starting", message: "the guest boots" }, backend: "simulated" };
  expect(pendingStatus(row(1), failed, { ...starting, failures: 3 })).toEqual(failed);
  const updating = { state: State.UPDATING, reason: "Starting" };
  expect(pendingStatus(row(1), readyStatus(1, "simulated"), { ...starting, failures: 0 })).toMatchObject(updating);
});
