// Where packet tests play: a private OVN of two hosts with our driver, objects that are at work when a call resolves, and guests in ports.
import { setTimeout as wait } from "node:timers/promises";
import { expect } from "@jest/globals";
import type { NetworkObject, NetworkObjectId, PortSpec } from "../../server/src/backends/network/driver.ts";
import type { Guest } from "../../server/src/backends/network/ovn/testing/guest.ts";
import {
  type LabOptions,
  type NetworkLab,
  startNetworkLab,
} from "../../server/src/backends/network/ovn/testing/network-lab.ts";
import type { TenantObjects } from "./objects.ts";
import { revalidated } from "./revalidated.ts";

export { describeOnOvn } from "../../server/src/backends/network/ovn/testing/require.ts";
export type { Guest };

/** How long a change may take to reach the hosts, in milliseconds: where a Northbound has lost its leader, ovn-northd alone may take 24 seconds. */
const atMostMs = 60_000;

export interface GuestOptions {
  /** From 0; default 0. */
  readonly host?: number;
  /** "by hand": the port's addresses and the subnet's gateways; "none": none. Default by hand. */
  readonly addresses?: "by hand" | "none";
}

export class Field {
  readonly lab: NetworkLab;

  constructor(lab: NetworkLab) {
    this.lab = lab;
  }

  /** Makes objects in order, and waits until the hosts know. */
  async ensure(...objects: readonly NetworkObject[]): Promise<void> {
    for (const object of objects) await this.lab.driver.ensure(object, AbortSignal.timeout(atMostMs));
    await this.#programmed(new Set(objects.flatMap(vpcOf)));
  }

  async remove(vpcId: string, ...objects: readonly NetworkObjectId[]): Promise<void> {
    for (const object of objects) await this.lab.driver.remove(object, AbortSignal.timeout(atMostMs));
    await this.#programmed([vpcId]);
  }

  /** A VPC with its first subnets. */
  async tenant(objects: TenantObjects, ...subnets: readonly number[]): Promise<void> {
    await this.ensure(objects.router(), ...subnets.flatMap((n) => objects.subnet(n)));
  }

  /** A guest in a port, made if it is not there; resolves when the port is up and its host knows all that was asked for. */
  async guest(port: PortSpec, { host = 0, addresses = "by hand" }: GuestOptions = {}): Promise<Guest> {
    await this.lab.driver.ensure(port, AbortSignal.timeout(atMostMs));
    const guest = await this.lab.plug({ host, portId: port.id, macAddress: port.macAddress });
    if (addresses === "by hand") await guest.configure(configurationOf(port));
    const deadline = Date.now() + atMostMs;
    while (!(await this.lab.driver.portStatus(port.id))?.up) {
      if (Date.now() > deadline) throw new Error(`${port.id} does not come up`);
      await wait(20);
    }
    await this.lab.driver.programmed(port.vpcId, AbortSignal.timeout(atMostMs));
    return guest;
  }

  async #programmed(vpcIds: Iterable<string>): Promise<void> {
    for (const vpcId of vpcIds) await this.lab.driver.programmed(vpcId, AbortSignal.timeout(atMostMs));
    await revalidated(this.lab.ovn);
  }

  stop(): Promise<void> {
    return this.lab.stop();
  }
}

export async function startField(options: LabOptions = {}): Promise<Field> {
  return new Field(await startNetworkLab({ hosts: 2, ...options }));
}

function vpcOf(object: NetworkObject): string[] {
  if ("vpcId" in object) return [object.vpcId];
  return object.type === "router" || object.type === "gateway" ? [object.id] : [];
}

function configurationOf({ ipAddresses }: PortSpec) {
  const [gateways, addresses] = [
    ipAddresses.map((address) => address.replace(/[^.:]+$/, "1")),
    ipAddresses.map((address) => `${address}/${address.includes(":") ? 64 : 24}`),
  ];
  return { addresses, gateways };
}

/** Asks again and again until an answer is as it should be, for at most 10 s; answers the last one. */
export async function eventually<T>(ask: () => Promise<T>, isGood: (answer: T) => boolean): Promise<T> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const answer = await ask();
    if (isGood(answer) || Date.now() > deadline) return answer;
    await wait(100);
  }
}

/** Awaits all at once, since what gets nowhere takes seconds to find that out, and compares each with what it should be. */
export async function expectAll(...pairs: readonly (readonly [Promise<unknown>, unknown])[]): Promise<void> {
  const answers = await Promise.all(pairs.map(([answer]) => answer));
  expect(answers).toEqual(pairs.map(([, expected]) => expected));
}
