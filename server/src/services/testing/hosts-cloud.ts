// A small cloud of several simulated hosts, each of which can be closed, fenced, taken away and given back.
import { create } from "@bufbuild/protobuf";
import { type Host, HostCapacitySchema, HostSchema, HostState } from "@photoncloud/proto/gen/plasmavmc/v1/host_pb";
import { type Vm, VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { DriverError } from "../../backends/driver-error.ts";
import type { HypervisorDriver } from "../../backends/hypervisor/driver.ts";
import { Hosts } from "../../backends/hypervisor/hosts.ts";
import { onHosts } from "../../backends/hypervisor/on-hosts.ts";
import {
  type SimulatedHypervisor,
  type SimulatedHypervisorOptions,
  simulatedHypervisor,
} from "../../backends/hypervisor/simulated/index.ts";
import { type SimulatedNetwork, simulatedNetwork } from "../../backends/network/simulated/index.ts";
import { systemClock } from "../../clock.ts";
import { messageOf } from "../../engine/message.ts";
import { openSqliteStore } from "../../store/sqlite/open.ts";
import type { Store } from "../../store/store.ts";
import { report } from "../plasmavmc/host/report.ts";
import { Scheduler } from "../plasmavmc/vm/placement/scheduler.ts";
import { openCloudOver, type SmallCloud } from "./small-cloud.ts";

export interface HostTerms extends Omit<SimulatedHypervisorOptions, "hostId" | "plug"> {
  readonly id: string;
  readonly labels?: Record<string, string>;
  readonly memoryMib?: number;
  readonly cpu?: number;
  /** What it says that instructions are executed by. Default "": by nothing. */
  readonly accelerator?: string;
  /** Put between the cloud and the host. */
  readonly wrap?: (driver: SimulatedHypervisor) => HypervisorDriver;
}

/** The tests' own patience, in milliseconds. */
const patienceMs = 10_000;
const system = { org: "", project: "" };
const nowhere = { orgId: "", projectId: "" };

/** Put around each call that concerns a machine, for instance to have it fail. */
export type Around = (vmId: string, method: string, call: () => Promise<unknown>) => Promise<unknown>;

function vmIdIn([first]: readonly unknown[]): string {
  if (typeof first === "string") return first;
  const vmId: unknown = typeof first === "object" && first !== null ? Reflect.get(first, "vmId") : "";
  return typeof vmId === "string" ? vmId : "";
}

/** Says that a host can't be reached, whatever is asked. */
function behind(driver: HypervisorDriver, id: string, around: Around, isSilent: () => boolean): HypervisorDriver {
  const guard = (target: object): object =>
    new Proxy(target, {
      get(_, property) {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value === "object" && value !== null && facets.has(String(property))) return guard(value);
        if (typeof value !== "function") return value;
        if (property === "onChange" || property === "close") return value.bind(target);
        return async (...args: unknown[]) => {
          if (isSilent()) throw new DriverError("unavailable", `host ${id} can't be reached`);
          return around(vmIdIn(args), `${id}.${String(property)}`, async () => Reflect.apply(value, target, args));
        };
      },
    });
  return guard(driver) as HypervisorDriver;
}

const facets = new Set(["moves", "snapshots", "consoles"]);

export class HostsCloud {
  readonly cloud: SmallCloud<{ network: SimulatedNetwork; hypervisor: HypervisorDriver; places: Scheduler }>;
  readonly drivers: ReadonlyMap<string, SimulatedHypervisor>;
  readonly scheduler: Scheduler;
  readonly #silent: Set<string>;
  readonly #follow: () => Promise<void>;

  constructor(
    parts: Pick<HostsCloud, "cloud" | "drivers" | "scheduler"> & { silent: Set<string>; follow: () => Promise<void> },
  ) {
    this.#follow = parts.follow;
    this.cloud = parts.cloud;
    this.drivers = parts.drivers;
    this.scheduler = parts.scheduler;
    this.#silent = parts.silent;
  }

  host(id: string): Promise<Host> {
    return this.cloud.get(HostSchema, id, nowhere);
  }

  /** The ids of the machines that a host has itself, stopped or not. */
  async has(id: string): Promise<readonly string[]> {
    return [...((await this.drivers.get(id)?.inventory())?.machines ?? [])].sort();
  }

  /** The machine is there, and nowhere else. */
  async only(vmId: string): Promise<readonly string[]> {
    const found: string[] = [];
    for (const id of this.drivers.keys()) if ((await this.has(id)).includes(vmId)) found.push(id);
    return found;
  }

  /** Looks again until it holds. @throws Error after the tests' patience. */
  async until(holds: () => Promise<boolean>): Promise<void> {
    const never = new AbortController().signal;
    for (const deadline = Date.now() + patienceMs; !(await holds()); await systemClock.sleep(5, never))
      if (Date.now() > deadline) throw new Error(`what was waited for did not come within ${patienceMs} ms`);
  }

  ask(name: string, id: string, input: Record<string, unknown> = {}): Promise<Host> {
    return this.cloud.custom(HostSchema, name, { ...nowhere, id, ...input });
  }

  migrate(id: string, input: Record<string, unknown> = {}): Promise<Vm> {
    return this.cloud.custom(VmSchema, "MigrateVm", { id, ...input });
  }

  /** Nobody hears of the host any more. */
  async silence(id: string): Promise<void> {
    this.#silent.add(id);
    await this.#tell(id, HostState.SILENT);
  }

  /** It is heard of again, or joins anew. */
  async hear(id: string): Promise<void> {
    this.#silent.delete(id);
    await this.#tell(id, HostState.READY);
  }

  async fence(id: string): Promise<void> {
    await this.ask("FenceHost", id);
    await this.#look();
  }

  async #tell(id: string, state: HostState): Promise<void> {
    await report(this.cloud.store, id, (host) => {
      host.state = state;
    });
    await this.#look();
  }

  /** As the watcher of hosts does. */
  async #look(): Promise<void> {
    await this.#follow();
    await this.cloud.store.scheduleAll(HostSchema.typeName, 0);
    await this.cloud.store.scheduleAll(VmSchema.typeName, 0);
  }
}

function placesBehind(scheduler: Scheduler, around: Around): Scheduler {
  return new Proxy(scheduler, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) =>
        around(vmIdIn(args), `places.${String(property)}`, async () => Reflect.apply(value, target, args));
    },
  });
}

export interface CloudTerms {
  /** Default: one in memory. */
  readonly store?: Store;
  /** Another server's cloud, whose store and hosts are this one's, too. */
  readonly beside?: HostsCloud;
}

/** Opens a cloud whose first host is the server's own. */
export async function openHostsCloud(
  terms: readonly HostTerms[],
  around: Around = (_, __, call) => call(),
  { store: given, beside }: CloudTerms = {},
): Promise<HostsCloud> {
  const store = given ?? (await openSqliteStore({ file: ":memory:", clock: systemClock }));
  const [hosts, network, silent] = [new Hosts(), simulatedNetwork(), new Set<string>()];
  const drivers = new Map<string, SimulatedHypervisor>();
  const faced = new Map<string, HypervisorDriver>();
  for (const { id, labels: _, memoryMib: __, cpu: ___, accelerator: ____, wrap, ...options } of terms) {
    const plug = (port: string, up: boolean) => network.plug(port, up);
    const driver = beside?.drivers.get(id) ?? simulatedHypervisor({ ...options, hostId: id, plug });
    drivers.set(id, driver);
    faced.set(
      id,
      behind(wrap?.(driver) ?? driver, id, around, () => silent.has(id)),
    );
  }
  const follow = () => followHosts(store, hosts, faced);
  const [own] = [...faced.values()];
  const ownId = terms[0]?.id;
  if (own === undefined || ownId === undefined) throw new Error("a cloud has a host");
  const scheduler = new Scheduler({ store, known: (id) => hosts.known(id), refresh: follow });
  const cloud = await openCloudOver({
    store,
    drivers: { network, hypervisor: onHosts({ hosts, own, ownId }), places: placesBehind(scheduler, around) },
    isReplica: beside !== undefined,
  });
  for (const { id, labels = {}, memoryMib = 4096, cpu = 8, accelerator = "" } of beside ? [] : terms) {
    await cloud.create(HostSchema, { id, labels });
    await report(store, id, (host) => {
      const capacity = create(HostCapacitySchema, { cpu, memoryMib: BigInt(memoryMib), diskGib: 1000n });
      Object.assign(host, { state: HostState.READY, capacity, drivers: ["simulated"], accelerator });
    });
  }
  await follow();
  return new HostsCloud({ cloud, drivers, scheduler, silent, follow });
}

async function followHosts(store: Store, hosts: Hosts, drivers: ReadonlyMap<string, HypervisorDriver>): Promise<void> {
  for (const row of await store.list({ tenants: [system], kind: HostSchema.typeName, limit: 1_000 })) {
    const { id, state } = messageOf(HostSchema, row);
    const driver = drivers.get(id);
    const capacity = { cpu: 0, memoryMib: 0, diskGib: 0 };
    if (driver === undefined) continue;
    hosts.set({ id, driver, reachable: state === HostState.READY, fenced: state === HostState.FENCED, capacity });
  }
}
