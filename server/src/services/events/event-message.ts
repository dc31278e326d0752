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

/** JSON in the proto's field names, without secrets; "" where the event tells of no resource. */
function resourceJson(catalog: Catalog, event: StoredEvent): string {
  const kind = catalog.byTypeName(event.kind);
  if (kind === undefined || event.resource.length === 0) return "";
  const message = fromBinary(kind.desc, event.resource);
  // Writers leave secrets out; a field that became secret since then is left out here.
  prune(kind.fields, message, isSecret);
  return JSON.stringify(toJson(kind.desc, message, { useProtoFieldName: true }));
}

export function eventMessage(catalog: Catalog, event: StoredEvent): Event {
  const { cursor, time, type, tenant, kind, id, version, actor, sourceIp, requestId, method, permission } = event;
  const { sessionId, credential, decidedBy } = event;
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
    ...{ decidedBy, sessionId, credential },
    resourceJson: resourceJson(catalog, event),
  });
}
