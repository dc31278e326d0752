// What was done with second factors, in the log of their owner's org: which one, by whom, and never a code or a seed.
import type { EventType, Store } from "../../../store/store.ts";
import type { Caller } from "../../kind.ts";
import { authorOf } from "../../resources/work.ts";
import { type Identity, principalName } from "../principal-name.ts";

/** The kind that these events carry; it is none of the catalog's, since second factors are no resources. */
const factorKind = "iam.v1.Factor";

/** @param which The factor's id, or what was done for all of them. The event's id is {principal}/{which}. */
export async function noteFactor(
  store: Pick<Store, "transact">,
  type: Extract<EventType, "created" | "updated" | "deleted" | "login_failed">,
  identity: Identity,
  which: string,
  caller: Caller,
): Promise<void> {
  const about = { kind: factorKind, id: `${principalName(identity)}/${which}`, version: 0 };
  const author = authorOf(caller);
  const failed = type === "login_failed" && { credential: "second_factor", decidedBy: "credential" };
  const event = { ...about, ...author, ...failed, permission: "", resource: new Uint8Array() };
  await store.transact(async (tx) => tx.append({ ...event, type, tenant: { org: identity.org, project: "" } }));
}
