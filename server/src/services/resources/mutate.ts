// Create, update, delete and the methods beside them: from a request to what a transaction accepts.
import { clone, type DescMessage, type Message } from "@bufbuild/protobuf";
import { type FieldViolation, fieldsOf, type Method, validate } from "@photoncloud/proto";
import { Fault } from "../../fault.ts";
import type { ResourceRow, Tenant } from "../../store/store.ts";
import { type Accepted, acceptCreate, acceptDelete, acceptUpdate } from "./accept.ts";
import { beingDeleted, notFound, staleEtag } from "./errors.ts";
import { keepInputs } from "./fields.ts";
import { drawnBytes, makeId } from "./ids.ts";
import { differences, immutableViolations } from "./immutable.ts";
import { applyMask, maskViolations, setPaths } from "./mask.ts";
import { idIn, maskIn, resourceIn, tenantIn, textIn } from "./requests.ts";
import { etagOf } from "./rows.ts";
import type { Slice } from "./slices.ts";
import { invalid, tenantViolations } from "./tenancy.ts";
import type { Work } from "./work.ts";

export function refuse(violations: readonly FieldViolation[]): void {
  if (violations.length > 0) throw invalid(violations);
}

/** A creation's input with the tenant in it, its outputs cleared. */
export function createInput(slice: Slice, tenant: Tenant, given: Message): Message {
  const input = clone<DescMessage>(slice.kind.desc, given);
  keepInputs(slice.kind.fields, input);
  if (Reflect.has(input, "orgId")) Reflect.set(input, "orgId", tenant.org);
  if (Reflect.has(input, "projectId")) Reflect.set(input, "projectId", tenant.project);
  return input;
}

/** @throws Fault INVALID_FIELDS with all that is wrong with the tenant's parts and the values. */
export function checkCreate(slice: Slice, given: Message, skip?: ReadonlySet<string>): void {
  const { kind } = slice;
  refuse([
    ...tenantViolations(kind, textIn(given, "orgId"), textIn(given, "projectId")),
    ...validate(kind.fields, given, skip),
  ]);
}

/** Ids are unique in their org alone: a principal of another org is named with it, so that nobody is taken for somebody else's owner. */
function ownerIn({ org }: Tenant, { caller }: Work): string {
  const { principal } = caller;
  if (principal === undefined) return "";
  return principal.org === org ? principal.id : `${principal.org}/${principal.id}`;
}

/** Sets the id, the name where it is the id, and the owner. */
export function nameCreated(work: Work, slice: Slice, tenant: Tenant, next: Message): void {
  const { kind } = slice;
  if (textIn(next, "id") === "") Reflect.set(next, "id", makeId(kind.idPrefix, work.tx.now, work.random(drawnBytes)));
  const defaultsName = kind.fields.some((field) => field.name === "name" && field.serverDefault);
  if (defaultsName && textIn(next, "name") === "") Reflect.set(next, "name", textIn(next, "id"));
  Reflect.set(next, "owner", ownerIn(tenant, work));
}

/** Accepts a creation. `input` is the caller's own and stays as it is. */
export function createIn(work: Work, slice: Slice, tenant: Tenant, input: Message): Promise<Accepted> {
  const next = clone<DescMessage>(slice.kind.desc, input);
  nameCreated(work, slice, tenant, next);
  return acceptCreate(work, slice, tenant, next);
}

/** Reads a resource that is to be changed. @throws Fault NOT_FOUND, STALE_ETAG */
export async function rowFor(work: Work, slice: Slice, tenant: Tenant, id: string, etag: string): Promise<ResourceRow> {
  const row = await work.tx.get({ tenant, kind: slice.kind.typeName, id });
  if (row === undefined) throw notFound(slice.kind, id);
  if (etag !== "" && row.phase === "live" && etag !== etagOf(row)) throw staleEtag(slice.kind, id, etag, etagOf(row));
  return row;
}

/** @throws Fault BEING_DELETED */
export function requireLive(slice: Slice, row: ResourceRow): void {
  if (row.phase === "deleting") throw beingDeleted(slice.kind, row.id);
}

/** What an update asks for. */
export interface Change {
  readonly tenant: Tenant;
  readonly id: string;
  readonly etag: string;
  /** The values, outputs and all, as they were sent. */
  readonly values: Message;
  readonly paths: readonly string[];
}

/** @throws Fault INVALID_FIELDS if the tenant, the id, the resource or a path of the mask is missing or wrong. */
export function changeIn(slice: Slice, method: Method, request: Message): Change {
  const { kind } = slice;
  const tenant = tenantIn(kind, request);
  const id = idIn(request);
  const values = resourceIn(kind, method.desc.input, request);
  if (values === undefined)
    throw invalid([{ path: kind.noun, rule: "required", message: "it is missing; give the fields to change" }]);
  const paths = maskIn(request);
  refuse(maskViolations(kind.fields, paths));
  keepInputs(kind.fields, values);
  return {
    tenant,
    id,
    etag: textIn(request, "etag"),
    values,
    paths: paths.length > 0 ? paths : setPaths(kind.fields, values),
  };
}

/** What is never stored can't be missing from a stored resource. */
export function unseenInputs(slice: Slice, paths: readonly string[]): ReadonlySet<string> {
  return new Set(
    slice.kind.fields.filter((field) => field.inputOnly && !paths.includes(field.name)).map((field) => field.name),
  );
}

/** Applies a change to a message. @throws Fault INVALID_FIELDS for immutable fields that would change and values that break the rules. */
export function edit(slice: Slice, change: Change, prior: Message, next: Message): void {
  const { kind } = slice;
  applyMask(kind.fields, next, clone<DescMessage>(kind.desc, change.values), change.paths);
  const immutable = immutableViolations(differences(kind.fields, prior, next));
  const rest = validate(kind.fields, next, unseenInputs(slice, change.paths));
  refuse([...immutable, ...rest.filter((violation) => !immutable.some((other) => other.path === violation.path))]);
}

/** @param check Looks at what admission has made of the change. */
export async function updateIn(
  work: Work,
  slice: Slice,
  change: Change,
  check?: (prior: Message, next: Message) => void,
): Promise<Accepted> {
  const row = await rowFor(work, slice, change.tenant, change.id, change.etag);
  requireLive(slice, row);
  return acceptUpdate(work, slice, row, (next, _, prior) => edit(slice, change, prior.message, next), check);
}

/** A delete of what is being deleted answers the tombstone. */
export async function deleteIn(work: Work, slice: Slice, tenant: Tenant, id: string, etag: string): Promise<Accepted> {
  const row = await rowFor(work, slice, tenant, id, etag);
  return acceptDelete(work, slice, row);
}

export async function customIn(work: Work, slice: Slice, method: Method, request: Message): Promise<Accepted> {
  const { kind, definition } = slice;
  const custom = definition.methods?.[method.desc.name];
  if (custom === undefined) throw new Fault("UNIMPLEMENTED", `this server does not serve ${method.desc.name}`);
  const [tenant, id] = [tenantIn(kind, request), idIn(request)];
  refuse(validate(fieldsOf(method.desc.input), request));
  const row = await rowFor(work, slice, tenant, id, "");
  requireLive(slice, row);
  // A copy for each run: the method may put parts of it into the resource.
  const sent = clone<DescMessage>(method.desc.input, request);
  keepInputs(fieldsOf(method.desc.input), sent);
  return acceptUpdate(work, slice, row, async (next, admission) => {
    await custom.update(next, sent, admission);
    refuse(validate(kind.fields, next, unseenInputs(slice, [])));
  });
}
