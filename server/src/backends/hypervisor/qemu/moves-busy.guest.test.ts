// A guest whose memory the line carries slowly. One that runs on meanwhile and writes faster is slowed down until it has moved, or goes on where it was;
// an emulated one stands still.
import { Duplex } from "node:stream";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { MachineSpec, MoveOffer } from "../driver.ts";
import type { ExpectedMove, MoveDoor, MoveTransport } from "../move-transport.ts";
import { moveMachine, movesOf, untilMoved } from "../moves-contract.ts";
import { MovesWithinProcess } from "../moving/within-process.ts";
import { qemuMissing } from "./index.ts";
import { memoryChannel } from "./move-names.ts";
import { usualRounds } from "./move-running.ts";
import { patienceMs, signal, TestHost, until } from "./testing/host.ts";

const missing = qemuMissing();
jest.setTimeout(3 * patienceMs);

const mib = 1024 ** 2;
/** What the guest writes over and over again, in MiB, and what of its memory is carried as fast as it goes: all but that, about. */
const [written, whole] = [4, 72];

/** A stream that takes some bytes at once, and then no more than so many a millisecond. */
class SlowStream extends Duplex {
  readonly #inner: Duplex;
  readonly #line: Line;
  #carried = 0;

  constructor(inner: Duplex, line: Line) {
    super();
    this.#inner = inner;
    this.#line = line;
    inner.on("data", (bytes) => this.push(bytes)).once("end", () => this.push(null));
    inner.once("close", () => this.destroy()).on("error", () => {});
  }

  override _read(): void {}

  override _write(bytes: Buffer, _: string, done: (error?: Error | null) => void): void {
    this.#inner.write(bytes);
    this.#carried += bytes.length;
    const isSlow = this.#carried > this.#line.atOnce;
    if (isSlow) this.#line.slowly += bytes.length;
    setTimeout(done, isSlow ? bytes.length / this.#line.bytesPerMs : 0);
  }

  override _final(done: () => void): void {
    this.#inner.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#inner.destroy();
    done(error);
  }
}

interface Line {
  /** In bytes, of each stream. */
  readonly atOnce: number;
  readonly bytesPerMs: number;
  /** How many bytes were, in all. */
  slowly: number;
}

/** Carries memory slowly. */
class SlowMoves implements MoveTransport {
  readonly #inner = new MovesWithinProcess();
  line: Line = { atOnce: 0, bytesPerMs: 4_000, slowly: 0 };

  listen(move: ExpectedMove): Promise<MoveDoor> {
    return this.#inner.listen(move);
  }

  async dial(vmId: string, offer: MoveOffer, channel: string, until: AbortSignal): Promise<Duplex> {
    const stream = await this.#inner.dial(vmId, offer, channel, until);
    return channel === memoryChannel ? new SlowStream(stream, this.line) : stream;
  }
}

if (missing !== undefined) describe.skip(`a busy guest (${missing})`, () => test("moves", () => undefined));
else
  describe("a guest that writes to its memory all the time", () => {
    const transport = new SlowMoves();
    const terms = { transport, mostRounds: usualRounds, copiesLive: true };
    const [a, b] = [new TestHost(terms), new TestHost({ transport })];
    const vmId = "vm-1";
    beforeAll(async () => void (await b.open()));
    afterEach(async () => {
      for (const host of [a, b]) await host.removeMachines();
    });
    afterAll(async () => {
      for (const host of [a, b]) await host.close();
    });
    const ticks = async (host: TestHost) => {
      const said = Buffer.from(await host.driver.consoles.log(vmId, 1024 ** 2, signal)).toString("latin1");
      return [...said.matchAll(/tick (\d+) host=/g)].map(([, n]) => Number(n));
    };
    const ticksOn = async (host: TestHost) => {
      const last = Math.max(...(await ticks(host)));
      await until("it ticks on", async () => Math.max(...(await ticks(host))) > last);
    };

    /** A guest that writes, as the first thing of each test. */
    const busy = async (how: Partial<typeof terms>) => {
      Object.assign(terms, how);
      await a.open();
      const spec = await a.run(vmId);
      await a.says(vmId, /READY/);
      const line = await a.driver.consoles.open(vmId, "serial", signal);
      const write = `dd if=/dev/urandom of=/dev/shm/w bs=1M count=${written} conv=notrunc`;
      line.write(`(while :; do ${write}; done) 2>/dev/null &\necho writing-$((40 + 2))\n`);
      await a.says(vmId, /writing-42/);
      line.destroy();
      return spec;
    };
    const send = async (spec: MachineSpec) =>
      movesOf(a.driver).send(vmId, await movesOf(b.driver).offer(spec, signal), signal);
    const staysHere = async () => {
      expect(await a.driver.state(vmId)).toEqual({ state: "running", needsRestart: false });
      await movesOf(b.driver).cancel(vmId, signal);
      await ticksOn(a);
    };

    test("goes on where it was when it is not to move any more, or was waited for long enough; and moves over a line that it outruns", async () => {
      // As few rounds as show that it is given up.
      const spec = await busy({ mostRounds: 3, copiesLive: true });
      transport.line = { atOnce: 0, bytesPerMs: 200, slowly: 0 };
      await send(spec);
      await until("its memory is on its way", async () => transport.line.slowly > mib / 2);
      await movesOf(a.driver).cancel(vmId, signal);
      await staysHere();

      transport.line = { atOnce: whole * mib, bytesPerMs: 1_000, slowly: 0 };
      await send(spec);
      expect(await untilMoved(a.driver, vmId, patienceMs)).toMatchObject({
        phase: "failed",
        reason: expect.stringContaining("writes to its memory faster than that can be copied"),
      });
      await staysHere();

      transport.line = { atOnce: whole * mib, bytesPerMs: 4_000, slowly: 0 };
      terms.mostRounds = usualRounds;
      await a.open();
      await send(spec);
      expect(await untilMoved(a.driver, vmId, patienceMs)).toEqual({ phase: "done" });
      expect(transport.line.slowly).toBeGreaterThan(2 * written * mib);
      await moveMachine(a.driver, b.driver, spec, patienceMs);
      expect(await untilMoved(a.driver, vmId, patienceMs)).toBeUndefined();
      // What an emulated guest does then is not told: it may have lost what it wrote.
      expect(await b.driver.state(vmId)).toEqual({ state: "running", needsRestart: false });
    });

    test("stands still meanwhile where it is emulated, and goes on: here when the move or the driver ends, or there", async () => {
      const spec = await busy({ copiesLive: false });
      /** For some seconds of its own time. */
      const standsStill = async () => {
        transport.line = { atOnce: 16 * mib, bytesPerMs: 1_000, slowly: 0 };
        await send(spec);
        await until("its memory is on its way", async () => transport.line.slowly > mib / 2);
        const before = await ticks(a);
        expect(await a.driver.state(vmId)).toMatchObject({ trouble: expect.stringContaining("stands still") });
        await until("more of it is", async () => transport.line.slowly > 4 * mib);
        expect(await ticks(a)).toEqual(before);
      };
      await standsStill();
      await movesOf(a.driver).cancel(vmId, signal);
      await staysHere();
      await standsStill();
      await a.open();
      await staysHere();
      transport.line = { atOnce: 0, bytesPerMs: 20_000, slowly: 0 };
      await moveMachine(a.driver, b.driver, spec, patienceMs);
      expect(await b.driver.state(vmId)).toEqual({ state: "running", needsRestart: false });
      await ticksOn(b);
      const all = await ticks(b);
      expect(all).toEqual(all.map((_, i) => (all[0] ?? 0) + i));
    });
  });
