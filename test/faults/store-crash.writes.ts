// One write of the crash test: a resource with its claim, its event and its task.
import type { NewEvent, ResourceKey, ResourceWrite } from "../../server/src/store/store.ts";

export const crashTenant = { org: "acme", project: "alpha" };
export const crashKind = "test.v1.Thing";
export const crashSpace = "crash";

export function crashKey(id: string): ResourceKey {
  return { tenant: crashTenant, kind: crashKind, id };
}

export function crashWrite(key: ResourceKey): ResourceWrite {
  // Larger than a database page now and then, so that a write that is torn would show.
  const data = new Uint8Array(key.id.endsWith("7") ? 20_000 : 700).fill(7);
  return { ...key, name: key.id, data, claims: [{ space: crashSpace, key: key.id }], references: [] };
}

export function crashEvent(key: ResourceKey): NewEvent {
  const who = { actor: "user:acme/ada", sourceIp: "", requestId: "", method: "", permission: "" };
  return { ...key, ...who, type: "created", version: 1, resource: new Uint8Array() };
}
