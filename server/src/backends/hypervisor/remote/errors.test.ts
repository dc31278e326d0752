// What of a driver's refusal arrives.
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import { DriverError } from "../../driver-error.ts";
import { fromWire, toWire } from "./errors.ts";

const { signal } = new AbortController();

test.each([
  new DriverError("unavailable", "the host's disk has no room for the image", { status: "NoRoom" }),
  new DriverError("refused", "it runs", {}),
])("%s arrives as it was", (error) => {
  const { reason, status, message } = error;
  expect(fromWire("one", toWire(error), signal)).toMatchObject({ reason, message, ...(status && { status }) });
});

test("what is wrong with the channel is unavailable, by the host's id alone: addresses are not for tenants", () => {
  const cause = new ConnectError("connect ECONNREFUSED 10.0.0.7:50090", Code.Unavailable);
  const message = "host one can't be reached";
  expect(fromWire("one", cause, signal)).toMatchObject({ reason: "unavailable", message, cause });
});
