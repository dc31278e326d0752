// The channel to an agent that says nothing any more.
import { once } from "node:events";
import { createSecureServer } from "node:http2";
import { afterEach, expect, jest, test } from "@jest/globals";
import { AgentLink } from "./link.ts";
import { beatMs, serverName } from "./names.ts";
import { testAuthority, testIdentity } from "./testing/loopback.ts";

const pause = () => new Promise<void>((resolve) => setImmediate(resolve));
const closings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  jest.useRealTimers();
  for (const close of closings.splice(0).reverse()) await close();
});

/** An agent that takes calls and never answers. */
async function openMute(authority: Awaited<ReturnType<typeof testAuthority>>) {
  const { key, certificate, serial } = await testIdentity(authority, "one");
  const heard = { calls: 0, pings: 0, closed: 0, serial };
  const server = createSecureServer({ key, cert: certificate, minVersion: "TLSv1.3" });
  server.on("session", (session) => {
    session.on("ping", () => heard.pings++).on("error", () => {});
    session.once("close", () => heard.closed++);
  });
  server.on("stream", (stream) => {
    heard.calls++;
    stream.on("error", () => {}).respond({ ":status": 200, "content-type": "application/connect+proto" });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  closings.push(async () => server.close());
  const address = server.address();
  return { heard, address: `127.0.0.1:${typeof address === "object" ? address?.port : 0}` };
}

// A PING that fails while the channel is given up would be an error that nobody hears, which ends the process.
test("a channel on which nothing is heard is given up after three missing signs of life, without a PING, and opened again", async () => {
  const authority = await testAuthority();
  const { heard, address } = await openMute(authority);
  // Only what is set by a timer waits for the test.
  jest.useFakeTimers({ doNotFake: ["Date", "hrtime", "nextTick", "performance", "queueMicrotask", "setImmediate"] });
  const link = new AgentLink({
    hostId: "one",
    address,
    answer: undefined,
    log: () => {},
    changed: () => {},
    clock: { now: Date.now, sleep: pause },
    identity: async () => ({ authority: authority.certificate, ...(await authority.serverIdentity(serverName)) }),
    serials: () => [heard.serial],
  });
  closings.push(() => link.close());
  for (let channel = 1; channel <= 2; channel++) {
    while (heard.calls < channel) await pause();
    for (let i = 1; i < 3; i++) await jest.advanceTimersByTimeAsync(beatMs);
    expect(heard).toMatchObject({ calls: channel, closed: channel - 1 });
    await jest.advanceTimersByTimeAsync(beatMs);
    while (heard.closed < channel) await pause();
    expect(heard.pings).toBe(0);
  }
});
