// A login that failed, in the log of the org that was tried, where there is one; else in the system's.
import { OrgSchema } from "@photoncloud/proto/gen/iam/v1/org_pb";
import type { Store } from "../../../store/store.ts";
import type { Caller } from "../../kind.ts";
import { type Identity, principalName } from "../principal-name.ts";
import { sessionEvent } from "../tokens/session-life.ts";

/** What may stand in an event as a tried principal's id; anything else was no id. */
const idShape = /^[a-z0-9-]{1,63}$/;

export async function noteFailedLogin(
  store: Store,
  identity: Identity,
  caller: Caller,
  tried: "oidc" | "exchange",
): Promise<void> {
  const org = await store.get({ tenant: { org: "", project: "" }, kind: OrgSchema.typeName, id: identity.org });
  const id = idShape.test(identity.id) ? identity.id : "";
  const known = { ...identity, id, org: org === undefined ? "" : identity.org };
  const author = { ...caller, actor: principalName(known), sessionId: "", credential: tried, decidedBy: "credential" };
  await store.transact(async (tx) => tx.append(sessionEvent("login_failed", known, "", author)));
}
