// What of a driver's refusal arrives.
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
