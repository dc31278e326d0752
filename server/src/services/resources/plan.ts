// Plan: the checks of the real call in a rehearsal, which stores nothing, and what the call would do.
//
// Values that the caller does not know yet (unknown_paths) are left out of the value rules and of the references, and are hidden from
// admission: it runs until it asks for one of them, and what it found before counts. A change that needs a new resource is not admitted as an
// update; its values and references are checked, and the creation that follows it has a plan of its own.
import { clone, create, type DescMessage, type Message } from "@bufbuild/protobuf";
import { validate } from "@photoncloud/proto";
import { Impact } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import type { Drivers } from "../../backends/drivers.ts";
import type { LimitUse, Tenant } from "../../store/store.ts";
import type { Call } from "../call.ts";
import { acceptCreate, acceptDelete, acceptUpdate } from "./accept.ts";
import { impactOf } from "./classes.ts";
import { keepForeseen } from "./foreseen.ts";
import { type Difference, differences } from "./immutable.ts";
import { applyMask, fieldAt, pathsViolations } from "./mask.ts";
import {
  type Change,
  changeIn,
  checkCreate,
  createInput,
  nameCreated,
  refuse,
  requireLive,
  rowFor,
  unseenInputs,
} from "./mutate.ts";
import { contextOf, inCallersWords, type QueryOptions } from "./query.ts";
import { dimensionOf, mayKnowUse, scopePath } from "./quota.ts";
import { resolveReferences } from "./references.ts";
import { answerWith, idIn, isDeletion, resourceIn, tenantIn, textIn, textsIn } from "./requests.ts";
import { messageOf } from "./rows.ts";
import type { Slice, Slices } from "./slices.ts";
import type { Transactions } from "./transactions.ts";
import { UnknownNeeded, veiled } from "./veil.ts";
import type { Work } from "./work.ts";

interface Planned {
  readonly message: Message;
  /** What admission made of it, and what it was before. Undefined: it is deleted. */
  readonly whole: Message | undefined;
  readonly prior: Message | undefined;
  readonly tenant: Tenant;
  readonly changes: readonly { readonly path: string; readonly impact: Impact }[];
}

export interface PlanOptions {
  readonly transactions: Transactions;
  readonly queries: QueryOptions;
}

/** @throws Fault as the real call would, but for what only its commit can tell. */
export async function plan(options: PlanOptions, slice: Slice, request: Message, caller: Call): Promise<Message> {
  const { transactions, queries } = options;
  const paths = textsIn(request, "unknownPaths");
  refuse(pathsViolations("unknown_paths", paths));
  const unknown = new Set(paths);
  const rehearsal = rehearsalOf(slice, queries.drivers, request, unknown);
  const of = { slice, tenant: tenantIn(slice.kind, request) };
  const { done: planned, uses } = await transactions.rehearse(caller, of, rehearsal, unknown);
  const { message, changes } = planned;
  await foresee(options, slice, planned, unknown, caller);
  const [first, ...rest] = changes;
  const access = first === undefined ? [] : await accessOf(slice, planned, unknown);
  const quotas = first === undefined ? [] : await quotasOf(transactions.slices, uses, planned.tenant, caller);
  const told = first === undefined ? [] : [{ ...first, access, quotas }, ...rest];
  return answerWith(slice.kind, slice.kind.standard.plan.desc.output, message, { changes: told });
}

function rehearsalOf(slice: Slice, drivers: Drivers, request: Message, unknown: ReadonlySet<string>) {
  if (isDeletion(request)) return deletion(slice, request);
  return textIn(request, "id") === "" ? creation(slice, request, unknown) : change(slice, drivers, request, unknown);
}

/** What was admitted may still be beyond what the backends have. What the caller does not know yet is not looked at. */
async function foresee(
  { queries }: PlanOptions,
  { definition, kind }: Slice,
  { whole, prior, tenant }: Planned,
  unknown: ReadonlySet<string>,
  caller: Call,
): Promise<void> {
  if (whole === undefined) return;
  try {
    const next = veiled(kind.fields, whole, unknown);
    await definition.foresee?.(next, prior, contextOf(queries, tenant, caller)).catch(inCallersWords);
  } catch (error) {
    if (!(error instanceof UnknownNeeded)) throw error;
  }
}

/** Who may do more or less after it; nothing is told where that needs what the caller does not know yet. */
async function accessOf({ definition, kind }: Slice, { whole, prior, tenant }: Planned, unknown: ReadonlySet<string>) {
  try {
    const next = whole && veiled(kind.fields, whole, unknown);
    return (await definition.access?.(tenant, next, prior)) ?? [];
  } catch (error) {
    if (error instanceof UnknownNeeded) return [];
    throw error;
  }
}

/** How far the quotas are used that it comes under, as far as the caller may know. */
async function quotasOf(slices: Slices, uses: readonly LimitUse[], from: Tenant, caller: Call) {
  const known = await Promise.all(uses.map((use) => mayKnowUse(use, from, caller)));
  return uses
    .filter((_, index) => known[index])
    .map(({ scope, measure, most, used, asked }) => ({
      scope: scopePath(scope),
      dimension: dimensionOf(slices, measure),
      limit: BigInt(most),
      used: BigInt(used),
      asked: BigInt(asked),
    }));
}

function creation(slice: Slice, request: Message, unknown: ReadonlySet<string>): (work: Work) => Promise<Planned> {
  const { kind } = slice;
  const tenant = tenantIn(kind, request);
  const given = resourceIn(kind, kind.standard.plan.desc.input, request) ?? create(kind.desc);
  const input = createInput(slice, tenant, given);
  checkCreate(slice, input, unknown);
  return async (work) => {
    const next = clone<DescMessage>(kind.desc, input);
    nameCreated(work, slice, tenant, next);
    const { message } = await acceptCreate(work, slice, tenant, next);
    const whole = clone<DescMessage>(kind.desc, message);
    keepForeseen(kind.fields, message, input, undefined);
    forget(slice, message, unknown);
    return { message, whole, prior: undefined, tenant, changes: [{ path: "", impact: Impact.CREATE }] };
  };
}

/** What refers to it is the store's to tell when it is deleted: the same plan may delete that, too. */
function deletion(slice: Slice, request: Message): (work: Work) => Promise<Planned> {
  const { kind } = slice;
  const [tenant, id] = [tenantIn(kind, request), idIn(request)];
  return async (work) => {
    const row = await rowFor(work, slice, tenant, id, "");
    requireLive(slice, row);
    const prior = messageOf<DescMessage>(slice, kind.desc, row);
    const { message } = await acceptDelete(work, slice, row);
    return { message, whole: undefined, prior, tenant: row.tenant, changes: [{ path: "", impact: Impact.DELETE }] };
  };
}

function change(
  slice: Slice,
  drivers: Drivers,
  request: Message,
  unknown: ReadonlySet<string>,
): (work: Work) => Promise<Planned> {
  const { kind } = slice;
  const wanted = changeIn(slice, kind.standard.plan, request);
  return async (work) => {
    const row = await rowFor(work, slice, wanted.tenant, wanted.id, "");
    requireLive(slice, row);
    const prior = messageOf<DescMessage>(slice, kind.desc, row);
    const next = clone<DescMessage>(kind.desc, prior);
    apply(slice, wanted, next, unknown);
    const changed = [...differences(kind.fields, prior, next), ...unknownChanges(slice, unknown)];
    const seen = veiled(kind.fields, next, unknown);
    const changes = changed.map((one) => ({ path: one.path, impact: impactOf(slice, drivers, one, prior, seen) }));
    if (changes.some(({ impact }) => impact === Impact.REPLACE)) {
      slice.definition.admitReplace?.(prior);
      await resolveReferences(work, slice, next, row.tenant);
    } else
      await acceptUpdate(work, slice, row, (stored) => apply(slice, wanted, stored, unknown)).then((done) =>
        Object.assign(next, done.message),
      );
    const whole = clone<DescMessage>(kind.desc, next);
    keepForeseen(kind.fields, next, wanted.values, prior);
    forget(slice, next, unknown);
    return { message: next, whole, prior, tenant: row.tenant, changes: unique(changes) };
  };
}

/** Applies the mask. @throws Fault INVALID_FIELDS for values that break the rules; immutable fields are the plan's to report. */
function apply(slice: Slice, { values, paths }: Change, next: Message, unknown: ReadonlySet<string>): void {
  const { kind } = slice;
  applyMask(kind.fields, next, clone<DescMessage>(kind.desc, values), paths);
  refuse(validate(kind.fields, next, new Set([...unseenInputs(slice, paths), ...unknown])));
}

function unique(changes: Planned["changes"]): Planned["changes"] {
  return [...new Map(changes.map((one) => [one.path, one])).values()];
}

/** A list or a map is one field of a mask, whatever entry of it is unknown. */
function plainPath(path: string): string {
  const bracket = path.indexOf("[");
  return bracket < 0 ? path : path.slice(0, bracket);
}

/** What is not known yet is taken to change. */
function unknownChanges(slice: Slice, unknown: ReadonlySet<string>): readonly Difference[] {
  return [...unknown]
    .flatMap((path) => {
      const found = fieldAt(slice.kind.fields, plainPath(path));
      return found && { path: plainPath(path), ...found, before: undefined, after: undefined };
    })
    .filter((one) => one !== undefined);
}

/** Admission may have filled in what the caller will set. */
function forget(slice: Slice, message: Message, unknown: ReadonlySet<string>): void {
  const paths = [...unknown].filter((path) => plainPath(path) === path);
  applyMask(slice.kind.fields, message, create(slice.kind.desc), paths);
}
