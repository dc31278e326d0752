// A guest that writes to its memory faster than the line carries: it is slowed down until it has moved.
import { Duplex } from "node:stream";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { MoveOffer } from "../driver.ts";
import type { ExpectedMove, MoveDoor, MoveTransport } from "../move-transport.ts";
import { moveMachine, untilMoved } from "../moves-contract.ts";
import { MovesWithinProcess } from "../moving/within-process.ts";
import { qemuMissing } from "./index.ts";
import { memoryChannel } from "./move-names.ts";
import { patienceMs, signal, TestHost, until } from "./testing/host.ts";

const missing = qemuMissing();
jest.setTimeout(3 * patienceMs);

/** A stream that takes no more than so many bytes a millisecond. */
class SlowStream extends Duplex {
  readonly #inner: Duplex;
  readonly #bytesPerMs: number;

  constructor(inner: Duplex, bytesPerMs: number) {
    super();
    this.#inner = inner;
    this.#bytesPerMs = bytesPerMs;
    inner.on("data", (bytes) => this.push(bytes)).once("end", () => this.push(null));
    inner.once("close", () => this.destroy()).on("error", () => {});
  }

  override _read(): void {}

  override _write(bytes: Buffer, _: string, done: (error?: Error | null) => void): void {
    this.#inner.write(bytes);
    setTimeout(done, bytes.length / this.#bytesPerMs);
  }

  override _final(done: () => void): void {
    this.#inner.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#inner.destroy();
    done(error);
  }
}

/** Carries memory slowly. */
class SlowMoves implements MoveTransport {
  readonly #inner = new MovesWithinProcess();
  bytesPerMs = 4_000;

  listen(move: ExpectedMove): Promise<MoveDoor> {
    return this.#inner.listen(move);
  }

  async dial(vmId: string, offer: MoveOffer, channel: string, until: AbortSignal): Promise<Duplex> {
    const stream = await this.#inner.dial(vmId, offer, channel, until);
    return channel === memoryChannel ? new SlowStream(stream, this.bytesPerMs) : stream;
  }
}

if (missing !== undefined) describe.skip(`a busy guest (${missing})`, () => test("moves", () => undefined));
else
  describe("a guest that writes to its memory all the time", () => {
    const transport = new SlowMoves();
    const [a, b] = [new TestHost({ transport }), new TestHost({ transport })];
    const vmId = "vm-1";
    beforeAll(async () => void (await Promise.all([a.open(), b.open()])));
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

    test("goes on where it was when the line carries next to nothing, and moves over one that it outruns", async () => {
      const spec = await a.run(vmId);
      await a.says(vmId, /READY/);
      const line = await a.driver.consoles.open(vmId, "serial", signal);
      line.write("(while :; do dd if=/dev/urandom of=/dev/shm/w bs=1M count=24 conv=notrunc; done) 2>/dev/null &\n");
      line.write("echo writing-$((40 + 2))\n");
      await a.says(vmId, /writing-42/);
      line.destroy();

      transport.bytesPerMs = 20;
      await a.driver.moves?.send(
        vmId,
        (await b.driver.moves?.offer(spec, signal)) ?? { address: "", secret: "" },
        signal,
      );
      await until("its memory is on its way", async () => {
        const now = await a.driver.moves?.state(vmId);
        return now?.phase === "copying" && now.copiedBytes > 1024 ** 2;
      });
      await a.driver.moves?.cancel(vmId, signal);
      expect(await a.driver.state(vmId)).toEqual({ state: "running", needsRestart: false });
      await b.driver.moves?.cancel(vmId, signal);
      await ticksOn(a);

      transport.bytesPerMs = 4_000;
      await moveMachine(a.driver, b.driver, spec, patienceMs);
      expect(await untilMoved(a.driver, vmId, patienceMs)).toBeUndefined();
      expect(await b.driver.state(vmId)).toEqual({ state: "running", needsRestart: false });
      await ticksOn(b);
      const all = await ticks(b);
      expect(all).toEqual(all.map((_, i) => (all[0] ?? 0) + i));
    });
  });
