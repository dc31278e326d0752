// The platform's network scenario on OVN: the real API, and real packets between guests on two hosts.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { simulatedHypervisor } from "../../server/src/backends/hypervisor/simulated/index.ts";
import type { Json } from "../scenarios/calls.ts";
import { type Packets, tenantsNeverMeet } from "../scenarios/tenant-isolation.ts";
import { describeOnOvn, eventually, type Field, type Guest, startField } from "./field.ts";

describeOnOvn("tenants on OVN", () => {
  let field: Field;
  let cloud: TestCloud;
  beforeAll(async () => {
    field = await startField();
    cloud = await startTestCloud({ drivers: { network: field.lab.driver, hypervisor: simulatedHypervisor() } });
  }, 60_000);
  afterAll(async () => {
    await cloud?.stop();
    await field?.stop();
  }, 30_000);

  const guests = new Map<unknown, Guest>();

  async function seat(host: number, { id, macAddress }: Json): Promise<Guest> {
    const portId = String(id);
    const guest = await field.lab.plug({ host, portId, macAddress: String(macAddress) });
    const status = await eventually(
      () => field.lab.driver.portStatus(portId),
      (seen) => seen?.up === true,
    );
    expect(status).toEqual({ up: true });
    await guest.dhcp();
    guests.set(id, guest);
    return guest;
  }

  /** Every tenant's guests sit on the same hosts, and peers say whose they are. */
  const packets: Packets = {
    seat: async (port, peer) => {
      await seat(0, port);
      await (await seat(1, peer)).serveTcp(80, String(peer.id));
    },
    reaches: async (port, peer) => (await guests.get(port.id)?.connects("10.0.1.11", 80)) === peer.id,
  };

  test("test_network_tenant_isolation", () => tenantsNeverMeet(cloud, packets), 60_000);
});
