// The reader of an error's detail against the generated message.
import { create, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { ErrorInfoSchema, Retry } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { readErrorInfo } from "./error-info.ts";

const full = {
  reason: "INVALID_FIELDS",
  retry: Retry.AFTER_READ,
  requestId: "req-1",
  violations: [
    { path: "cidr", rule: "format", message: "ünfit" },
    { path: "", rule: "range", message: "" },
  ],
  resources: ["org/acme", "org/acme/project/web"],
  permission: "network:vpcs:create",
};
const empty = { reason: "", retry: Retry.UNSPECIFIED, requestId: "", violations: [], resources: [], permission: "" };

test.each([
  ["everything", full],
  ["nothing", empty],
])("readErrorInfo() reads %s", (_, info) => {
  expect(readErrorInfo(toBinary(ErrorInfoSchema, create(ErrorInfoSchema, info)))).toEqual(info);
});

test("readErrorInfo() knows every field of the message", () => {
  expect(ErrorInfoSchema.fields.map(({ number, localName }) => [number, localName])).toEqual(
    Object.keys(empty).map((name, at) => [at + 1, name]),
  );
});

test("readErrorInfo() passes over what a newer cloud tells", () => {
  // Field 99 as text, and a violation's field 9 as a number.
  const newer = Uint8Array.of(0x9a, 0x06, 0x01, 0x78, 0x22, 0x05, 0x0a, 0x01, 0x61, 0x48, 0x01);
  expect(readErrorInfo(newer)).toEqual({ ...empty, violations: [{ path: "a", rule: "", message: "" }] });
});
