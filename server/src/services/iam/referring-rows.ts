// What refers to a principal, in as many reads whether the principal is there or not: how long a login fails tells nobody who exists.
import type { ResourceRow, Store } from "../../store/store.ts";
import type { Identity } from "./principal-name.ts";
import { principalKey } from "./principals.ts";

/** Referrers of a service account that are looked at: its keys, its trusts, and the bindings that speak of it. */
const mostReferrers = 10_000;

/** The rows of a kind in the principal's org that refer to it. */
export async function referringRows(
  store: Pick<Store, "referrers" | "list">,
  identity: Identity,
  kind: string,
): Promise<readonly ResourceRow[]> {
  const tenant = { org: identity.org, project: "" };
  const referrers = await store.referrers(principalKey(identity), mostReferrers);
  const ids = referrers.filter((key) => key.kind === kind && key.tenant.org === identity.org).map(({ id }) => id);
  // One that never was, so that there is always something to look for.
  return store.list({ tenants: [tenant], kind, ids: ["", ...ids], limit: mostReferrers });
}
