import { expect, test } from "@jest/globals";
import { Deadline } from "./deadline.ts";
import { PhotonError } from "./errors.ts";
import { realTiming } from "./timing.ts";

const aborted = (reason: unknown): AbortSignal => AbortSignal.abort(reason);
const met = new PhotonError("unavailable", "can't reach http://cloud.test (ECONNREFUSED)");

test.each([
  ["its own time is up", undefined, "deadline_exceeded", "Get was not done within 9 ms: can't reach"],
  [
    "its caller's time is up",
    new DOMException("", "TimeoutError"),
    "deadline_exceeded",
    "Get was not done in time: can't",
  ],
  ["its caller wants no more", new Error("enough"), "canceled", "Get was stopped by its caller: can't reach"],
])("error() tells what was met before, when %s", (_name, reason, code, message) => {
  const deadline = new Deadline(9, realTiming, reason && aborted(reason));
  const error = deadline.error("Get", met);
  deadline.end();
  expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
});
