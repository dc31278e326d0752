// An event of the store's log as the message that tenants read.
import { create, fromBinary, toJson } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Catalog } from "@photoncloud/proto";
import { type Event, EventDecision, EventSchema, EventType } from "@photoncloud/proto/gen/chainfire/v1/event_pb";
import type { StoredEvent, EventType as StoredType } from "../../store/store.ts";
import { isSecret, prune } from "../resources/fields.ts";

const types = {
  created: EventType.CREATED,
  updated: EventType.UPDATED,
  deleting: EventType.DELETING,
  deleted: EventType.DELETED,
  observed: EventType.OBSERVED,
  denied: EventType.DENIED,
  login: EventType.LOGIN,
  login_failed: EventType.LOGIN_FAILED,
  revoked: EventType.REVOKED,
  accessed: EventType.ACCESSED,
  refreshed: EventType.REFRESHED,
} as const satisfies Readonly<Record<StoredType, EventType>>;
const isStoredType = (name: string): name is StoredType => Object.hasOwn(types, name);
const storedTypes = Object.keys(types).filter(isStoredType);

const refusals: ReadonlySet<StoredType> = new Set(["denied", "login_failed"]);

/** The types of events that tell of a decision; undefined: all of them. */
export function typesOf(decision: EventDecision): readonly StoredType[] | undefined {
  if (decision === EventDecision.DENIED) return [...refusals];
  if (decision !== EventDecision.ALLOWED) return undefined;
  return storedTypes.filter((type) => !refusals.has(type));
}

/** What people put secrets into although it is no secret's field: readers of the resource see it, readers of its history don't. */
const guestsOwn: ReadonlySet<string> = new Set(["user_data"]);

/** JSON in the proto's field names, without secrets; "" where the event tells of no resource. */
function resourceJson(catalog: Catalog, event: StoredEvent): string {
  const kind = catalog.byTypeName(event.kind);
  if (kind === undefined || event.resource.length === 0) return "";
  const message = fromBinary(kind.desc, event.resource);
  // Writers leave secrets out; a field that became secret since then is left out here.
  prune(kind.fields, message, (field) => isSecret(field) || guestsOwn.has(field.name));
  return JSON.stringify(toJson(kind.desc, message, { useProtoFieldName: true }));
}

/**
 * What a reader may know of the session and the decision. Of an actor of another org it is the sort alone: the operators' sessions, keys and
 * bindings are none of a tenant's business.
 */
function shownOf({ actor, tenant, sessionId, credential, decidedBy }: StoredEvent, everything: boolean) {
  const home = actor.slice(actor.indexOf(":") + 1, actor.indexOf("/"));
  if (everything || actor === "engine" || home === tenant.org) return { sessionId, credential, decidedBy };
  return { credential: sortOf(credential), decidedBy: sortOf(decidedBy) };
}

/** "key:key-1+attenuated" is "key+attenuated". */
function sortOf(text: string): string {
  return text.replace(/:[^+]*/, "");
}

/** @param everything Whether the reader reads the whole system's log. */
export function eventMessage(catalog: Catalog, event: StoredEvent, everything: boolean): Event {
  const { cursor, time, type, tenant, kind, id, version, actor, sourceIp, requestId, method, permission } = event;
  return create(EventSchema, {
    cursor,
    time: timestampFromMs(time),
    type: types[type],
    orgId: tenant.org,
    projectId: tenant.project,
    kind,
    resourceId: id,
    version: BigInt(version),
    actor,
    sourceIp,
    requestId,
    method,
    permission,
    decision: refusals.has(type) ? EventDecision.DENIED : EventDecision.ALLOWED,
    ...shownOf(event, everything),
    times: event.times,
    resourceJson: resourceJson(catalog, event),
  });
}
