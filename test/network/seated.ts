// Guests at ports of a whole cloud on a real OVN.
import type { PrivateOvn } from "../../server/src/backends/network/ovn/private/private-ovn.ts";
import type { Guest } from "../../server/src/backends/network/ovn/testing/guest.ts";
import { plugGuest } from "../../server/src/backends/network/ovn/testing/namespace-guest.ts";
import type { Hands } from "../scenarios/calls.ts";

export interface Seated {
  readonly guest: Guest;
  readonly address: string;
}

/** Puts a guest in a port of 10.0.1.0/24, and waits until the cloud says that it is there. It is among the guests from its first moment. */
export async function seated(ovn: PrivateOvn, guests: Guest[], hands: Hands, portId: string): Promise<Seated> {
  const { macAddress, ipAddress } = await hands.ready("Port", portId);
  const guest = await plugGuest(ovn, { host: 0, portId, macAddress: String(macAddress) });
  guests.push(guest);
  await guest.configure({ addresses: [`${ipAddress}/24`], gateways: ["10.0.1.1"] });
  await hands.until("Port", portId, ({ up }) => up === true);
  return { guest, address: String(ipAddress) };
}
