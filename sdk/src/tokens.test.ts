import { expect, test } from "@jest/globals";
import { PhotonError } from "./errors.ts";
import { realTiming } from "./timing.ts";
import { TokenSource } from "./tokens.ts";

test("who waits for a token no longer is told what is in the way of the login", async () => {
  const met = new PhotonError("unavailable", "can't reach http://cloud.test (ECONNREFUSED)");
  const never = () => new Promise<never>(() => undefined);
  const tokens = new TokenSource({ principalId: "ci", keySecret: "pck_1" }, never, realTiming, () => met);
  const stop = new AbortController();
  const token = tokens.token(stop.signal);
  stop.abort();
  await expect(token).rejects.toThrow("no token came: can't reach http://cloud.test (ECONNREFUSED)");
});
