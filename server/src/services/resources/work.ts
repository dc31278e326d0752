// What one transaction of the handler works with: the store's transaction, who calls, and the changes to other resources on the way.
import type { Message } from "@bufbuild/protobuf";
import type { Kind } from "@photoncloud/proto";
import type { HypervisorDriver } from "../../backends/hypervisor/driver.ts";
import type { EventType, ResourceKey, ResourceRow, Tenant, Tx } from "../../store/store.ts";
import type { Caller, Principal } from "../kind.ts";
import { eventBytes } from "./rows.ts";
import type { Slice, Slices } from "./slices.ts";
import { homesOf } from "./tenancy.ts";

/** Cryptographically random bytes. */
export type Random = (bytes: number) => Uint8Array;

/** Another resource that admission changed; written when the transaction ends. */
export interface Touched {
  readonly slice: Slice;
  readonly row: ResourceRow;
  readonly message: Message;
  /** Whose doing it is. */
  readonly caller: Caller;
}

/** The cloud itself. */
export const cloudItself: Caller = { principal: undefined, sourceIp: "", requestId: "", method: "" };

export interface Work {
  readonly tx: Tx;
  readonly slices: Slices;
  readonly caller: Caller;
  readonly random: Random;
  readonly touched: Map<string, Touched>;
  /** Left out: admission is told of no limits. */
  readonly hypervisor?: Pick<HypervisorDriver, "cantRun">;
  /** Set for a plan: nothing is stored, and what the caller does not know yet is not looked at. */
  readonly unknown?: ReadonlySet<string>;
}

export function keyOf({ tenant, kind, id }: ResourceKey): ResourceKey {
  return { tenant, kind, id };
}

export function keyText({ tenant, kind, id }: ResourceKey): string {
  return JSON.stringify([tenant.org, tenant.project, kind, id]);
}

/** {kind}:{org}/{id}, or "engine" for the cloud itself. */
export function actorOf(principal: Principal | undefined): string {
  return principal === undefined ? "engine" : `${principal.kind}:${principal.org}/${principal.id}`;
}

/** Whose doing an event is, and what let it. */
export function authorOf(caller: Caller) {
  const { principal, sourceIp, requestId, method, decidedBy = "" } = caller;
  const { sessionId = "", credential = "" } = principal ?? {};
  return { actor: actorOf(principal), sourceIp, requestId, method, sessionId, credential, decidedBy };
}

/** Finds the resource that an id names when it is said within a tenant. */
export async function findRow(
  reader: { get(key: ResourceKey): Promise<ResourceRow | undefined> },
  kind: Kind,
  id: string,
  from: Tenant,
): Promise<ResourceRow | undefined> {
  if (id === "") return undefined;
  for (const tenant of homesOf(kind, from)) {
    const row = await reader.get({ tenant, kind: kind.typeName, id });
    if (row !== undefined) return row;
  }
  return undefined;
}

/** Appends the event of a change to one resource. */
export function appendEvent(
  work: Work,
  type: EventType,
  slice: Slice,
  key: ResourceKey,
  version: number,
  message: Message,
): void {
  const resource = eventBytes(slice, message);
  work.tx.append({
    ...keyOf(key),
    type,
    version,
    ...authorOf(work.caller),
    permission: "",
    resource,
  });
}
