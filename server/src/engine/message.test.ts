import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { ServiceAccountKeySchema } from "@photoncloud/proto/gen/iam/v1/service_account_key_pb";
import { UserSchema } from "@photoncloud/proto/gen/iam/v1/user_pb";
import { VmSchema, VmState } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { messageOf, Observations, storedStatus, withoutSecrets } from "./message.ts";
import { readyStatus } from "./status.ts";

const data = toBinary(VmSchema, create(VmSchema, { id: "vm-1", name: "web", spec: { cpu: 2 } }));

test("messageOf() shows what was asked for with what was observed", () => {
  const observations = new Observations(VmSchema);
  observations.observe({ state: VmState.RUNNING });
  const observed = observations.bytes(new Uint8Array(), readyStatus(1, "simulated"));
  const vm = messageOf(VmSchema, { data, observed });
  expect(vm).toMatchObject({ name: "web", spec: { cpu: 2 }, state: VmState.RUNNING, status: { backend: "simulated" } });
  expect(storedStatus(VmSchema, { observed })).toEqual(readyStatus(1, "simulated"));
});

test("Observations.bytes() keeps what was stored meanwhile, and clears what is observed as undefined", () => {
  const before = toBinary(VmSchema, create(VmSchema, { state: VmState.RUNNING }));
  const kept = new Observations(VmSchema).bytes(before, readyStatus(1, ""));
  expect(fromBinary(VmSchema, kept).state).toBe(VmState.RUNNING);
  const cleared = new Observations(VmSchema);
  cleared.observe({ state: undefined });
  expect(fromBinary(VmSchema, cleared.bytes(before, readyStatus(1, ""))).state).toBe(VmState.UNSPECIFIED);
});

test.each(["name", "status", "etag", "nonsense"])(
  "Observations.observe() refuses %s, which is not the engine's to set",
  (name) => {
    expect(() => new Observations(VmSchema).observe({ [name]: "x" })).toThrow(
      `plasmavmc.v1.Vm.${name} can't be observed`,
    );
  },
);

test("storedStatus() is undefined before the first status", () => {
  expect(storedStatus(VmSchema, { observed: new Uint8Array() })).toBeUndefined();
});

test("withoutSecrets() clears what is never answered, and leaves the rest", () => {
  const user = toBinary(UserSchema, create(UserSchema, { name: "alice", password: "hunter2" }));
  expect(fromBinary(UserSchema, withoutSecrets(UserSchema, user))).toEqual(create(UserSchema, { name: "alice" }));
  const key = create(ServiceAccountKeySchema, { name: "ci" });
  const bytes = toBinary(ServiceAccountKeySchema, key);
  expect(fromBinary(ServiceAccountKeySchema, withoutSecrets(ServiceAccountKeySchema, bytes))).toEqual(key);
});
