// One look at one resource: reads it, waits for what it refers to, runs its steps. Writes nothing; `settle.ts` stores what came of it.
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { State } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import type { Clock } from "../clock.ts";
import type { ResourceKey, ResourceRow, Store } from "../store/store.ts";
import type { EngineKind } from "./kind.ts";
import { messageOf, Observations, storedStatus } from "./message.ts";
import type { StepContext } from "./reconciler.ts";
import { referencesIn } from "./references.ts";
import { currentStatus, isReady } from "./status.ts";
import { runSteps, type StepsEnd } from "./steps.ts";
import { findRelated, pathOf } from "./tenants.ts";

/** What a run needs beside the resource. */
export interface Workbench<Drivers> {
  readonly store: Store;
  readonly drivers: Drivers;
  readonly clock: Clock;
  readonly kinds: ReadonlyMap<string, EngineKind<Drivers>>;
}

/** A target that is not ready yet. */
export interface Awaited {
  readonly key: ResourceKey;
  readonly message: string;
}

/** What came of a run. */
export interface RunResult {
  readonly row: ResourceRow;
  readonly observations: Observations<DescMessage>;
  readonly end: StepsEnd | { readonly end: "waiting"; readonly for: Awaited };
}

/** Makes one resource as it should be, as far as that goes now. Undefined: there is no such resource. */
export async function run<Drivers>(
  bench: Workbench<Drivers>,
  kind: EngineKind<Drivers>,
  key: ResourceKey,
  signal: AbortSignal,
): Promise<RunResult | undefined> {
  const row = await bench.store.get(key);
  if (row === undefined) return undefined;
  const observations = new Observations(kind.schema);
  const resource = messageOf(kind.schema, row);
  const mayWait = row.phase === "live" && kind.reconciler?.doesNotWaitWhile?.(resource) !== true;
  const awaited = mayWait ? await notReady(bench, kind, row, resource) : undefined;
  if (awaited !== undefined) return { row, observations, end: { end: "waiting", for: awaited } };
  const context = stepContext(bench, row, resource, observations, signal);
  const way = row.phase === "live" ? "ensure" : "remove";
  return { row, observations, end: await runSteps(kind.reconciler?.steps ?? [], way, context) };
}

/** The first target that the resource refers to and that is not ready. `resource` is what the row holds. */
export async function notReady<Drivers>(
  bench: Pick<Workbench<Drivers>, "kinds"> & { readonly store: Pick<Store, "get"> },
  kind: EngineKind<Drivers>,
  row: ResourceRow,
  resource: Message = messageOf(kind.schema, row),
): Promise<Awaited | undefined> {
  for (const reference of referencesIn(kind.schema, resource)) {
    if (isExempt(reference.field, kind.reconciler?.doesNotWaitFor ?? [])) continue;
    if (reference.kind === row.kind && reference.id === row.id) continue;
    const target = await findRelated(bench.store, reference.kind, reference.id, row.tenant);
    const key = target ?? { tenant: row.tenant, kind: reference.kind, id: reference.id };
    if (target === undefined) return { key, message: `${reference.path}: ${pathOf(key)} does not exist any more` };
    if (!targetIsReady(bench.kinds, target))
      return { key, message: `${reference.path}: ${pathOf(key)} is not ready yet${whyNot(bench.kinds, target)}` };
  }
  return undefined;
}

function isExempt(field: string, exempt: readonly string[]): boolean {
  return exempt.some((path) => field === path || field.startsWith(`${path}.`));
}

function targetIsReady<Drivers>(kinds: ReadonlyMap<string, EngineKind<Drivers>>, target: ResourceRow): boolean {
  const kind = kinds.get(target.kind);
  // What no reconciler makes is ready as soon as it is stored.
  if (kind?.reconciler === undefined) return target.phase === "live";
  return isReady(target, storedStatus(kind.schema, target));
}

/** What a target that has failed says of it: who waits for it reads that first. */
function whyNot<Drivers>(kinds: ReadonlyMap<string, EngineKind<Drivers>>, target: ResourceRow): string {
  const kind = kinds.get(target.kind);
  const { state, reason } = currentStatus(target, kind && storedStatus(kind.schema, target));
  return state === State.FAILED && reason !== "" ? `: it has failed (${reason})` : "";
}

function stepContext<Drivers>(
  bench: Workbench<Drivers>,
  row: ResourceRow,
  resource: Message,
  observations: Observations<DescMessage>,
  signal: AbortSignal,
): StepContext<DescMessage, Drivers> {
  return {
    key: { tenant: row.tenant, kind: row.kind, id: row.id },
    id: row.id,
    resource,
    version: row.version,
    now: bench.clock.now(),
    drivers: bench.drivers,
    async related(schema, id) {
      const other = await findRelated(bench.store, schema.typeName, id, row.tenant);
      return other === undefined ? undefined : messageOf(schema, other);
    },
    async exists(tenant, { typeName }, id) {
      return (await bench.store.get({ tenant, kind: typeName, id }))?.phase === "live";
    },
    observe: (outputs) => observations.observe(outputs),
    signal,
  };
}
