// The one handler for all kinds: what the edge asks of resources, over the store, by the catalog and the kinds' slices. No kind has code here.
import type { Message } from "@bufbuild/protobuf";
import { type Catalog, fieldValue, type Kind, type Method, type StandardVerb } from "@photoncloud/proto";
import type { Drivers } from "../../backends/drivers.ts";
import { type FlowSource, noFlows } from "../../backends/network/flow-source.ts";
import type { Clock } from "../../clock.ts";
import type { EngineKind } from "../../engine/kind.ts";
import type { ResourceRow, Store, Tenant } from "../../store/store.ts";
import type { Call, ResourceCalls } from "../call.ts";
import type { KindDefinition } from "../kind.ts";
import { acceptAgain } from "./accept.ts";
import { refuseDataLoss } from "./classes.ts";
import { engineKindOf } from "./engine-kind.ts";
import { LogTail } from "./log-tail.ts";
import { changeIn, checkCreate, createIn, createInput, customIn, deleteIn, updateIn } from "./mutate.ts";
import { plan } from "./plan.ts";
import { Programmed } from "./programmed.ts";
import { type QueryOptions, query } from "./query.ts";
import { batchGet, get, list, shown } from "./read.ts";
import { idIn, tenantIn, textIn } from "./requests.ts";
import { isSettled } from "./rows.ts";
import { makeSlices, type Slice, type Slices } from "./slices.ts";
import { tenantOf } from "./tenancy.ts";
import { Transactions } from "./transactions.ts";
import { Waiting } from "./waiting.ts";
import { watch } from "./watch.ts";
import { cloudItself, findRow, type Random } from "./work.ts";

export interface ResourcesOptions {
  readonly store: Store;
  readonly kinds: readonly KindDefinition[];
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly random: Random;
  readonly drivers: Drivers;
  /** Default: there are no flows. */
  readonly flows?: FlowSource;
}

export interface Resources extends ResourceCalls {
  readonly slices: Slices;
  /** What the engine needs to know of each kind. */
  readonly engineKinds: readonly EngineKind<Drivers>[];
}

class GenericResources implements Resources {
  readonly slices: Slices;
  readonly engineKinds: readonly EngineKind<Drivers>[];
  readonly #store: Store;
  readonly #transactions: Transactions;
  readonly #waiting: Waiting;
  readonly #tail: LogTail;
  readonly #queries: QueryOptions;

  constructor({ store, kinds, catalog, clock, random, drivers, flows = noFlows }: ResourcesOptions) {
    this.slices = makeSlices(catalog, kinds);
    this.engineKinds = this.slices.all.map((slice) => engineKindOf(this.slices, slice, random));
    this.#store = store;
    this.#tail = new LogTail(store, clock);
    this.#queries = { store, slices: this.slices, drivers, flows };
    this.#waiting = new Waiting(store, clock);
    this.#transactions = new Transactions({
      store,
      slices: this.slices,
      random,
      clock,
      hypervisor: drivers.hypervisor,
      waiting: this.#waiting,
      programmed: new Programmed({ store, slices: this.slices, network: drivers.network, clock }),
    });
  }

  unary(kind: Kind, verb: Exclude<StandardVerb, "watch">, request: Message, call: Call): Promise<Message> {
    const slice = this.slices.of(kind.typeName);
    switch (verb) {
      case "create":
        return this.#create(slice, request, call);
      case "get":
        return get(this.#store, slice, request, (row) => this.#settled(slice, row, call));
      case "batchGet":
        return batchGet(this.#store, slice, request);
      case "list":
        return list(this.#store, slice, request);
      case "update":
        return this.#update(slice, request, call);
      case "delete":
        return this.#delete(slice, request, call);
      case "plan":
        return plan({ transactions: this.#transactions, queries: this.#queries }, slice, request, call);
    }
  }

  /** The row when nothing more is to be waited for, or when the call waits no longer; undefined where it is gone. */
  async #settled(slice: Slice, row: ResourceRow, { waitMs, signal }: Call): Promise<ResourceRow | undefined> {
    if (waitMs === 0 || isSettled(slice, row)) return row;
    return this.#waiting.until(row, waitMs, signal, (seen) => seen === undefined || isSettled(slice, seen));
  }

  async #create(slice: Slice, request: Message, call: Call): Promise<Message> {
    checkCreate(slice, request);
    const tenant = tenantOf(slice.kind, textIn(request, "orgId"), textIn(request, "projectId"));
    const input = createInput(slice, tenant, request);
    const { create } = slice.kind.standard;
    return this.#transactions.mutate({ slice, tenant, method: create, request, call }, (work) =>
      createIn(work, slice, tenant, input),
    );
  }

  async #update(slice: Slice, request: Message, call: Call): Promise<Message> {
    const { update } = slice.kind.standard;
    const change = changeIn(slice, update, request);
    const { tenant } = change;
    const keepData = (prior: Message, next: Message) => refuseDataLoss(slice, this.#queries.drivers, prior, next);
    return this.#transactions.mutate({ slice, tenant, method: update, request, call }, (work) =>
      updateIn(work, slice, change, call.allowsDataLoss === true ? undefined : keepData),
    );
  }

  async #delete(slice: Slice, request: Message, call: Call): Promise<Message> {
    const { kind } = slice;
    const [tenant, id, etag] = [tenantIn(kind, request), idIn(request), textIn(request, "etag")];
    const mutation = { slice, tenant, method: kind.standard.delete, request, call };
    return this.#transactions.mutate(mutation, (work) => deleteIn(work, slice, tenant, id, etag));
  }

  async custom(kind: Kind, method: Method, request: Message, call: Call): Promise<Message> {
    const slice = this.slices.of(kind.typeName);
    if (kind.queries.includes(method)) return query(this.#queries, slice, method, request, call);
    const tenant = tenantIn(kind, request);
    idIn(request);
    return this.#transactions.mutate({ slice, tenant, method, request, call }, (work) =>
      customIn(work, slice, method, request),
    );
  }

  watch(kind: Kind, request: Message, call: Call): AsyncIterable<Message> {
    return watch(this.#store, this.slices, this.#tail, this.slices.of(kind.typeName), request, call);
  }

  async again(kind: Kind, tenant: Tenant, id: string): Promise<void> {
    const slice = this.slices.of(kind.typeName);
    const { update } = kind.standard;
    const caller = { ...cloudItself, method: `${update.desc.parent.typeName}/${update.desc.name}` };
    await this.#transactions.transact(caller, async (work) => {
      const row = await work.tx.get({ tenant, kind: kind.typeName, id });
      if (row?.phase === "live") await acceptAgain(work, slice, row);
    });
  }

  async attributes(kind: Kind, tenant: Tenant, id: string): Promise<Readonly<Record<string, string>>> {
    const slice = this.slices.of(kind.typeName);
    const row = await findRow(this.#store, kind, id, tenantOf(kind, tenant.org, tenant.project));
    return row === undefined ? {} : attributesOf(slice, shown(slice, row));
  }
}

/** owner, name, and labels as "labels.{key}". */
function attributesOf(slice: Slice, message: Message): Readonly<Record<string, string>> {
  const labels = slice.kind.fields.find((field) => field.name === "labels");
  const given: unknown = labels && fieldValue(labels, message);
  const entries = Object.entries(typeof given === "object" && given !== null ? given : {});
  return {
    owner: textIn(message, "owner"),
    name: textIn(message, "name"),
    ...Object.fromEntries(entries.map(([key, value]) => [`labels.${key}`, String(value)])),
  };
}

/** Serves every kind that is given. @throws Error if a kind is not in the catalog, is given twice, or has a field that would not be stored. */
export function createResources(options: ResourcesOptions): Resources {
  return new GenericResources(options);
}
