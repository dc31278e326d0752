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

test("a login ends when the last who waits for it goes, and whoever comes then gets another", async () => {
  const logins: { readonly signal: AbortSignal; readonly answer: PromiseWithResolvers<{ token: string }> }[] = [];
  const login = (_: object, signal: AbortSignal) => {
    const answer = Promise.withResolvers<{ token: string }>();
    logins.push({ signal, answer });
    return answer.promise;
  };
  const tokens = new TokenSource({ principalId: "ci", keySecret: "pck_1" }, login, realTiming, () => undefined);
  const [one, other] = [new AbortController(), new AbortController()];
  const waiting = [tokens.token(one.signal), tokens.token(other.signal)];
  one.abort();
  await expect(waiting[0]).rejects.toThrow("no token came");
  expect(logins.map(({ signal }) => signal.aborted)).toEqual([false]);
  other.abort();
  await expect(waiting[1]).rejects.toThrow("no token came");
  expect(logins.map(({ signal }) => signal.aborted)).toEqual([true]);
  const next = tokens.token(new AbortController().signal);
  logins[1]?.answer.resolve({ token: "t" });
  expect(await next).toBe("t");
});
