// A cloud with real guests whose processes are watched from outside, as those of a bare QEMU are.
import { setTimeout as wait } from "node:timers/promises";
import { PhotonCloud } from "@photoncloud/sdk";
import type { TestCloud } from "@photoncloud/server/testing";
import { type GuestCloud, startGuestCloud } from "../../test/compute/guest-cloud.ts";
import { read } from "../linux/proc.ts";
import { Observer } from "./observer.ts";

/** Where a guest's NIC is. */
export interface Seat {
  readonly portId: string;
  readonly ipAddress: string;
}

export interface World {
  readonly guests: GuestCloud;
  readonly cloud: PhotonCloud;
  /** A port for a machine. */
  readonly seat: Seat;
  readonly observer: Observer;
  stop(): Promise<void>;
}

let names = 0;

export function newName(): string {
  return `bench-${++names}`;
}

/** A project's client. */
export async function clientIn(server: TestCloud): Promise<PhotonCloud> {
  const { orgId: org, projectId: project, token } = await server.tenant("acme", "alpha");
  return new PhotonCloud({ endpoint: server.url, credentials: { token }, org, project });
}

export async function startWorld(): Promise<World> {
  const guests = await startGuestCloud();
  const cloud = await clientIn(guests.cloud);
  const vpc = await cloud.vpcs.create({ name: "main", cidr: "10.0.0.0/16" }, { wait: "settled" });
  const subnet = await cloud.subnets.create({ name: "main", vpcId: vpc.id }, { wait: "settled" });
  const { id: portId } = await cloud.ports.create({ name: "seat", subnetId: subnet.id }, { wait: "settled" });
  const { ipAddress = "" } = await cloud.ports.get(portId);
  const observer = new Observer();
  const stop = async () => {
    observer.close();
    await guests.stop();
  };
  return { guests, cloud, seat: { portId, ipAddress }, observer, stop };
}

const lookMs = 4;
const patienceMs = 60_000;

/** Resolves when a file has the words. */
export async function untilWritten(file: string, words: string): Promise<void> {
  for (const end = performance.now() + patienceMs; performance.now() < end; await wait(lookMs))
    if (read(file).includes(words)) return;
  throw new Error(`${file} does not say ${words}`);
}
