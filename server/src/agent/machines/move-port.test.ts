// Moves between an agent's host and the server's own: the drivers' whole contract over TLS on loopback, both ways.
import type { Duplex } from "node:stream";
import { expect, test } from "@jest/globals";
import type { HypervisorDriver } from "../../backends/hypervisor/driver.ts";
import { movesContract } from "../../backends/hypervisor/moves-contract.ts";
import { testAuthority, testIdentity } from "../../backends/hypervisor/remote/testing/loopback.ts";
import { simulatedHypervisor } from "../../backends/hypervisor/simulated/index.ts";
import { systemClock } from "../../clock.ts";
import type { Authority } from "../../services/plasmavmc/host/authority.ts";
import { MovePort } from "./move-port.ts";

const image = { imageId: "tiny", format: "raw", architecture: "x86_64" } as const;
const { signal } = new AbortController();
const loopback = { host: "127.0.0.1", port: 0 };

class Port extends MovePort {
  readonly #open = new Set<Duplex>();

  override async dial(...words: Parameters<MovePort["dial"]>): Promise<Duplex> {
    const stream = await super.dial(...words);
    this.#open.add(stream);
    return stream;
  }

  cut(): void {
    for (const stream of this.#open) stream.destroy();
  }
}

function portOf(authority: Authority, hostId: string, listen = loopback): Port {
  const makeIdentity = () => testIdentity(authority, hostId);
  return new Port({ listen, address: loopback, makeIdentity, clock: systemClock, log: () => {} });
}

/** As a server that knows where the machine is. */
function expecting(driver: ReturnType<typeof simulatedHypervisor>, fromHostId: string): HypervisorDriver {
  const offer = driver.moves.offer.bind(driver.moves);
  driver.moves.offer = (spec, ends) => offer({ ...spec, hostId: fromHostId }, ends);
  return driver;
}

movesContract({
  name: "simulated, from server to server",
  image,
  open: async () => {
    const authority = await testAuthority();
    const ports = [portOf(authority, "one"), portOf(authority, "two")] as const;
    const [one, two] = [
      simulatedHypervisor({ transport: ports[0], hostId: "one" }),
      simulatedHypervisor({ transport: ports[1], hostId: "two" }),
    ];
    for (const driver of [one, two]) await driver.ensureImage(image, signal);
    return {
      hosts: [expecting(one, "two"), expecting(two, "one")],
      cut: () => {
        for (const port of ports) port.cut();
      },
      close: async () => {
        for (const driver of [one, two]) await driver.close();
        for (const port of ports) await port.close();
      },
    };
  },
});

test("a port that is another's refuses the move, and says which setting mends it", async () => {
  const authority = await testAuthority();
  const [first, move] = [portOf(authority, "one"), { fromHostId: "two", secret: "s", channels: [], accept: () => {} }];
  const { address } = await first.listen({ ...move, vmId: "vm-1" });
  const second = portOf(authority, "two", { ...loopback, port: Number(address.split(":")[1]) });
  await expect(second.listen({ ...move, vmId: "vm-1" })).rejects.toMatchObject({
    reason: "refused",
    message: expect.stringContaining("--moves-listen"),
  });
  await Promise.all([first.close(), second.close()]);
});
