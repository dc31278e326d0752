// A port's limits, by counting bytes: a burst of datagrams of known size is sent, and what arrives is what the meter let through.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { describeOnOvn, type Field, type Guest, startField } from "./field.ts";
import { letAllIn, TenantObjects } from "./objects.ts";

/** kbit/s. */
const limit = 8_000;
/** How long is sent, and how much: three times the limit. */
const seconds = 3;
const offered = 3 * limit;
/** A busy machine may lose some; a limit of a third loses more than half. */
const nearlyAll = 0.75;

/** Sends datagrams of 1,000 bytes at a steady rate, and says how many bytes went out and in how long. */
const sender = `
import { createSocket } from "node:dgram";
const [address, kbps, seconds] = process.argv.slice(1);
const socket = createSocket("udp4");
const bytes = Buffer.alloc(1000, 1);
const [begin, end] = [performance.now(), performance.now() + seconds * 1000];
let sent = 0;
const tick = () => {
  const now = performance.now();
  if (now > end) return socket.close(() => console.log(JSON.stringify({ sent, seconds: (now - begin) / 1000 })));
  while (sent * 8 < (now - begin) * kbps) {
    socket.send(bytes, 9, address);
    sent += bytes.length;
  }
  setTimeout(tick, 2);
};
tick();
`;

describeOnOvn("limits of a port", () => {
  const acme = new TenantObjects("acme");
  let field: Field;
  let one: Guest;
  let other: Guest;
  beforeAll(async () => {
    field = await startField();
    await field.tenant(acme, 1);
    await field.ensure(acme.group("open", [letAllIn]));
    one = await field.guest(acme.port(1, 10, ["open"]));
    other = await field.guest(acme.port(1, 11, ["open"]), { host: 1 });
  }, 60_000);
  afterAll(() => field?.stop(), 30_000);

  async function bytesIn(guest: Guest): Promise<number> {
    return Number((await guest.run("cat", "/sys/class/net/eth0/statistics/rx_bytes")).stdout);
  }

  /** What part of the bytes that were sent arrived. */
  async function passed(from: Guest, to: Guest, address: string): Promise<{ share: number; kbps: number }> {
    await from.pings(address); // The first packet waits for ARP.
    const before = await bytesIn(to);
    const words = ["--input-type=module", "--eval", sender, address, String(offered), String(seconds)];
    const { stdout } = await from.run(process.execPath, ...words);
    const told: { readonly sent: number; readonly seconds: number } = JSON.parse(stdout);
    const came = (await bytesIn(to)) - before;
    return { share: came / told.sent, kbps: (came * 8) / 1000 / told.seconds };
  }

  test("without limits nearly everything passes", async () => {
    expect((await passed(one, other, "10.0.1.11")).share).toBeGreaterThan(nearlyAll);
  });

  test.each(["egressKbps", "ingressKbps"] as const)(
    "%s holds its direction to the rate, and not the other one",
    async (name) => {
      await field.ensure(acme.port(1, 10, ["open"], { bandwidth: { [name]: limit } }), acme.router());
      const out = await passed(one, other, "10.0.1.11");
      const back = await passed(other, one, "10.0.1.10");
      const [held, free] = name === "egressKbps" ? [out, back] : [back, out];
      // The burst of 0.8 s passes besides, and headers count too.
      expect(held.kbps).toBeGreaterThan(limit * 0.7);
      expect(held.kbps).toBeLessThan(limit * (1 + 0.8 / seconds) * 1.25);
      expect(free.share).toBeGreaterThan(nearlyAll);
      await field.ensure(acme.port(1, 10, ["open"]), acme.router());
      expect((await passed(one, other, "10.0.1.11")).share).toBeGreaterThan(nearlyAll);
    },
  );
});
