// Events that are no change of a resource: refusals, logins, what was looked into.
import type { EventType, Store, Tenant } from "../../store/store.ts";
import type { Caller } from "../kind.ts";
import { authorOf } from "../resources/work.ts";

export interface AuditEvent {
  readonly type: Extract<EventType, "denied" | "login" | "login_failed" | "revoked" | "accessed">;
  /** Whose log it belongs to: the scope that the call was about, or the principal's org. */
  readonly tenant: Tenant;
  /** The kind that the call was about, or the principal's: "prismnet.v1.Vpc"; "" for none. */
  readonly kind?: string;
  readonly id?: string;
  readonly caller: Caller;
  /** Where the caller is not known yet: who it says it is, as {kind}:{org}/{id}. */
  readonly actor?: string;
  /** The permission that is missing. */
  readonly permission?: string;
  /** How many of its sort it stands for; default 1. */
  readonly times?: number;
}

/** Appends an event to the log. Resolves when it is stored. @throws StoreError */
export async function appendAudit(store: Store, event: AuditEvent): Promise<void> {
  const { type, tenant, kind = "", id = "", caller, permission = "", times = 1 } = event;
  const author = authorOf(caller);
  const actor = event.actor ?? (caller.principal === undefined ? "" : author.actor);
  await store.transact(async (tx) => {
    tx.append({
      type,
      tenant,
      kind,
      id,
      version: 0,
      ...author,
      actor,
      permission,
      times,
      resource: new Uint8Array(),
    });
  });
}
