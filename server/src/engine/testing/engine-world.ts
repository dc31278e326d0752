// A whole engine on a store in memory, with a toy backend and a clock in the test's hand.
import { create, type DescMessage, type Message, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { catalog } from "@photoncloud/proto";
import { State, type Status } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { openSqliteStore } from "../../store/sqlite/open.ts";
import type { Reference, ResourceKey, ResourceRow, Store, StoredEvent, Tenant } from "../../store/store.ts";
import { createEngine, type Engine, type EngineOptions } from "../engine.ts";
import { type EngineMetrics, silentLog } from "../hooks.ts";
import type { EngineKind } from "../kind.ts";
import { messageOf, storedStatus } from "../message.ts";
import { currentStatus } from "../status.ts";
import { ManualClock } from "./manual-clock.ts";
import { kindOf, type Things, type ToyDrivers, ToyThings, toySubnet, toyVpc } from "./toy-backend.ts";

export const acme: Tenant = { org: "acme", project: "alpha" };

/** How long a test waits for a state in real time: far more than it takes, so that it only ends a test that fails. */
const deadlineMs = 20_000;

export interface WorldOptions {
  readonly kinds?: readonly EngineKind<ToyDrivers>[];
  /** Wraps the backend, for instance with faults. */
  readonly wrap?: (things: ToyThings) => Things;
  readonly engine?: Partial<EngineOptions<ToyDrivers>>;
  /** Another world's store and backend: a second worker beside it. */
  readonly beside?: EngineWorld;
  /** Wraps the store as this engine sees it. */
  readonly wrapStore?: (store: Store) => Store;
  readonly metrics?: EngineMetrics;
}

export class EngineWorld {
  readonly clock: ManualClock;
  readonly store: Store;
  readonly things: ToyThings;
  readonly engine: Engine;

  constructor(clock: ManualClock, store: Store, options: WorldOptions) {
    this.clock = clock;
    this.store = store;
    this.things = options.beside?.things ?? new ToyThings();
    this.engine = createEngine<ToyDrivers>({
      store: options.wrapStore?.(store) ?? store,
      clock,
      kinds: options.kinds ?? [kindOf(toyVpc), kindOf(toySubnet)],
      drivers: { things: options.wrap?.(this.things) ?? this.things },
      random: () => 0.5,
      owner: "test",
      log: silentLog,
      stopMs: 100,
      ...(options.metrics === undefined ? {} : { metrics: options.metrics }),
      ...options.engine,
    });
  }

  static async open(options: WorldOptions = {}): Promise<EngineWorld> {
    const clock = options.beside?.clock ?? new ManualClock();
    const store = options.beside?.store ?? (await openSqliteStore({ file: ":memory:", clock }));
    return new EngineWorld(clock, store, options);
  }

  /** Stores a resource as a request would: with its references and a task. */
  async add<Desc extends DescMessage>(
    schema: Desc,
    id: string,
    message: MessageShape<Desc>,
    references: Reference[] = [],
  ) {
    const key = keyOf(schema, id);
    const data = toBinary<DescMessage>(schema, message);
    await this.store.transact(async (tx) => {
      tx.create({ ...key, name: id, data, claims: [], references });
      tx.schedule(key);
    });
    return key;
  }

  addVpc(id: string, cidr = "10.0.0.0/16"): Promise<ResourceKey> {
    return this.add(VpcSchema, id, create(VpcSchema, { id, name: id, cidr }));
  }

  addSubnet(id: string, vpcId: string): Promise<ResourceKey> {
    const subnet = create(SubnetSchema, { id, name: id, vpcId, cidr: "10.0.1.0/24" });
    return this.add(SubnetSchema, id, subnet, [{ path: "vpc_id", target: keyOf(VpcSchema, vpcId) }]);
  }

  async change(key: ResourceKey, message: Message, references: Reference[] = []): Promise<void> {
    await this.store.transact(async (tx) => {
      const row = await tx.get(key);
      if (row === undefined) throw new Error(`${key.id} is not there to change`);
      const data = toBinary<DescMessage>(schemaOf(key), message);
      tx.update({ ...key, name: row.name, data, claims: [], references });
      tx.schedule(key);
    });
  }

  async delete(key: ResourceKey): Promise<void> {
    await this.store.transact(async (tx) => {
      await tx.get(key);
      tx.tombstone(key);
      tx.schedule(key);
    });
  }

  async status(key: ResourceKey): Promise<Status | undefined> {
    const row = await this.store.get(key);
    return row === undefined ? undefined : currentStatus(row, storedStatus(schemaOf(key), row));
  }

  async message<Desc extends DescMessage>(schema: Desc, id: string): Promise<MessageShape<Desc> | undefined> {
    const row: ResourceRow | undefined = await this.store.get(keyOf(schema, id));
    return row === undefined ? undefined : messageOf(schema, row);
  }

  /** The events of one resource, in order. */
  async events(key: ResourceKey): Promise<readonly StoredEvent[]> {
    return (await this.store.events("", { tenant: key.tenant, kind: key.kind, id: key.id, limit: 1_000 })).events;
  }

  /** Waits until something holds; `tick` lets so many milliseconds of the test's clock pass at each look. */
  async until(what: string, holds: () => boolean | Promise<boolean>, tick = 0): Promise<void> {
    const giveUp = Date.now() + deadlineMs;
    while (!(await holds())) {
      if (Date.now() > giveUp) throw new Error(`after ${deadlineMs} ms it still does not hold: ${what}`);
      if (tick > 0) this.clock.advance(tick);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async untilReady(...keys: readonly ResourceKey[]): Promise<void> {
    for (const key of keys)
      await this.until(`${key.id} is ready`, async () => (await this.status(key))?.state === State.READY, 1);
  }

  async untilGone(...keys: readonly ResourceKey[]): Promise<void> {
    for (const key of keys)
      await this.until(`${key.id} is gone`, async () => (await this.store.get(key)) === undefined, 1);
  }

  /** Waits until no task is left. */
  untilIdle(): Promise<void> {
    return this.until("no task is left", async () => (await this.store.nextDue()) === undefined, 1);
  }

  async close(): Promise<void> {
    await this.engine.stop();
    await this.store.close();
  }
}

export function keyOf(schema: DescMessage, id: string): ResourceKey {
  return { tenant: acme, kind: schema.typeName, id };
}

function schemaOf(key: ResourceKey): DescMessage {
  const kind = catalog().byTypeName(key.kind);
  if (kind === undefined) throw new Error(`${key.kind} is not in the catalog`);
  return kind.desc;
}
