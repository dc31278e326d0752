// Moves between agents, over TLS on loopback: the drivers' whole contract, and who is let in.

import type { Duplex } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { MoveStreams } from "../../../agent/machines/move-streams.ts";
import type { Authority } from "../../../services/plasmavmc/host/authority.ts";
import { sampleMachine } from "../contract.ts";
import type { MoveOffer } from "../driver.ts";
import { movesContract, movesOf } from "../moves-contract.ts";
import { simulatedHypervisor } from "../simulated/index.ts";
import type { RemoteHypervisor } from "./remote.ts";
import { type Loopback, openLoopback, settled, testAuthority, testIdentity } from "./testing/loopback.ts";

const image = { imageId: "tiny", format: "raw", architecture: "x86_64" } as const;
const { signal } = new AbortController();

/** Streams that can be broken. */
class Streams extends MoveStreams {
  readonly #open = new Set<Duplex>();

  override async dial(...words: Parameters<MoveStreams["dial"]>): Promise<Duplex> {
    const stream = await super.dial(...words);
    this.#open.add(stream);
    stream.once("close", () => this.#open.delete(stream));
    return stream;
  }

  cut(): void {
    for (const stream of this.#open) stream.destroy();
  }
}

interface Place extends Loopback {
  readonly streams: Streams;
}

async function openPlace(authority: Authority, hostId: string, moveMs = 2): Promise<Place> {
  const streams = new Streams(await testIdentity(authority, hostId));
  const driver = simulatedHypervisor({ transport: streams, hostId, moveMs });
  const loopback = await openLoopback({ hostId, driver, authority, moves: streams });
  await settled(loopback.link, ({ hindrance }) => hindrance === "");
  const close = async () => {
    await loopback.close();
    await driver.close();
  };
  return { ...loopback, streams, close };
}

/** As a server that knows where the machine is. */
function expecting(driver: RemoteHypervisor, fromHostId: string): RemoteHypervisor {
  const { moves } = driver;
  const offer: typeof moves.offer = (spec, ends) => moves.offer({ ...spec, hostId: fromHostId }, ends);
  return Object.assign(driver, { moves: { ...moves, offer } });
}

movesContract({
  name: "simulated, from agent to agent",
  image,
  open: async () => {
    const authority = await testAuthority();
    const places = [await openPlace(authority, "one"), await openPlace(authority, "two")] as const;
    const [one, two] = places;
    for (const { link } of places) await link.driver.ensureImage(image, signal);
    return {
      hosts: [expecting(one.link.driver, "two"), expecting(two.link.driver, "one")],
      cut: () => {
        for (const { streams } of places) streams.cut();
      },
      close: async () => {
        for (const place of places) await place.close();
      },
    };
  },
});

describe("a stream of a move", () => {
  let authority: Authority;
  let destination: Place;
  let offer: MoveOffer;
  const spec = { ...sampleMachine("vm-1", "tiny"), hostId: "one" };
  beforeAll(async () => {
    authority = await testAuthority();
    destination = await openPlace(authority, "two", 60_000);
    await destination.link.driver.ensureImage(image, signal);
    offer = await movesOf(destination.link.driver).offer(spec, signal);
  });
  afterAll(() => destination.close());

  const dialAs = async (hostId: string, more: Partial<MoveOffer> = {}, vmId = spec.vmId, channel?: string) => {
    const streams = new MoveStreams(await testIdentity(authority, hostId));
    return streams.dial(vmId, { ...offer, ...more }, channel ?? "none", signal);
  };
  const known = async () => {
    const streams = new MoveStreams(await testIdentity(authority, "one"));
    return { streams, offer };
  };

  test("names where its destination is found, and whose certificate is there", () => {
    expect(offer).toMatchObject({ address: destination.link.address, hostId: "two" });
    expect(offer.secret.length).toBeGreaterThanOrEqual(22);
  });

  const refused: readonly (readonly [string, () => Promise<Duplex>])[] = [
    ["of another host, though it knows the secret", () => dialAs("three", {}, spec.vmId, "memory")],
    ["with another secret", () => dialAs("one", { secret: "guessed" })],
    ["of another machine", () => dialAs("one", {}, "vm-2")],
    ["that the move does not have", () => dialAs("one")],
  ];
  test.each(refused)("%s is not let in", async (_, dial) => {
    await expect(dial()).rejects.toMatchObject({ reason: "refused" });
  });

  test("believes the very host that offered, and no other", async () => {
    const { streams } = await known();
    await expect(streams.dial(spec.vmId, { ...offer, hostId: "three" }, "memory", signal)).rejects.toMatchObject({
      reason: "unavailable",
      message: expect.stringContaining("three"),
    });
    const { hostId: _, ...nameless } = offer;
    await expect(streams.dial(spec.vmId, nameless, "memory", signal)).rejects.toMatchObject({ reason: "refused" });
  });

  test("of another cloud is turned away before it can say anything", async () => {
    const other = await testIdentity(await testAuthority(), "one");
    const streams = new MoveStreams({ ...other, authority: authority.certificate });
    await expect(streams.dial(spec.vmId, offer, "memory", signal)).rejects.toMatchObject({ reason: "unavailable" });
  });
});
