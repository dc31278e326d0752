// A whole network for packet tests: a private OVN with our driver on it. Each test file has one of its own.
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { openHostNetwork } from "../chassis/open-vswitch.ts";
import { type OvnNetwork, openOvnNetwork } from "../driver.ts";
import type { PrivateOvn, PrivateOvnOptions } from "../private/private-ovn.ts";
import { startPrivateOvn } from "../private/start.ts";
import type { Guest } from "./guest.ts";
import { outsideGuest, type PlugOptions, plugGuest } from "./namespace-guest.ts";

/** Default of `external`: a wire "physnet1" with 203.0.113.1/24 outside. */
export type LabOptions = Partial<Omit<PrivateOvnOptions, "dir" | "name">>;

export interface NetworkLab {
  readonly ovn: PrivateOvn;
  readonly driver: OvnNetwork;
  plug(options: PlugOptions): Promise<Guest>;
  /** The other end of the external wire. */
  outside(): Guest;
  /** Takes everything away, also what guests are left. */
  stop(): Promise<void>;
}

const wire = { physicalNetwork: "physnet1", address: "203.0.113.1/24" };

/** Starts a private OVN in a folder of its own and opens the driver on it. */
export async function startNetworkLab(options: LabOptions = {}): Promise<NetworkLab> {
  const name = `t${randomBytes(2).toString("hex")}`;
  const dir = await mkdtemp("/tmp/p");
  const ovn = await startPrivateOvn({ dir, name, external: wire, ...options });
  const { northbound, southbound } = ovn;
  const signal = AbortSignal.timeout(10_000);
  const driver = await openOvnNetwork({ northbound, southbound }, signal);
  // As on every host of ours: its switch is kept from its faults.
  const networks = await Promise.all(ovn.hosts.map((host) => openHostNetwork(host, { signal })));
  const guests: Guest[] = [];
  const kept = (guest: Guest) => {
    guests.push(guest);
    return guest;
  };
  return {
    ovn,
    driver,
    plug: async (plug) => kept(await plugGuest(ovn, plug)),
    outside: () => kept(outsideGuest(ovn)),
    stop: async () => {
      await driver.close();
      await Promise.all(networks.map((network) => network.close()));
      await Promise.all(guests.map((guest) => guest.remove()));
      await ovn.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
