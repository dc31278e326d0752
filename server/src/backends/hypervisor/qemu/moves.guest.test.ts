// Real guests that move between two hosts of one machine.
import { describe, expect, jest, test } from "@jest/globals";
import { type MoveField, movesContract } from "../moves-contract.ts";
import { MovesWithinProcess } from "../moving/within-process.ts";
import { qemuMissing } from "./index.ts";
import { image, patienceMs, TestHost } from "./testing/host.ts";

const missing = qemuMissing();
jest.setTimeout(2 * patienceMs);

async function openField(): Promise<MoveField> {
  const transport = new MovesWithinProcess();
  const hosts = [new TestHost({ transport }), new TestHost({ transport })] as const;
  for (const host of hosts) await host.open();
  return {
    get hosts() {
      return [hosts[0].driver, hosts[1].driver] as const;
    },
    restart: async (which) => void (await hosts[which].open()),
    cut: () => transport.cut(),
    close: async () => {
      for (const host of hosts) await host.removeMachines();
      for (const host of hosts) expect(host.leaks()).toEqual([]);
      for (const host of hosts) await host.close();
    },
  };
}

if (missing !== undefined) describe.skip(`moves on QEMU (${missing})`, () => test("keep guests", () => undefined));
else movesContract({ name: "qemu", open: openField, image, patienceMs });
