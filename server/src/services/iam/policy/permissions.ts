// Every permission that the cloud knows.
import type { Catalog } from "@photoncloud/proto";

/** Those that methods ask for themselves, beside the one of their annotation. */
const asked = ["iam:authz:check", "iam:tokens:issue"];
const known = new WeakMap<Catalog, readonly string[]>();

/** In order. */
export function permissionsOf(catalog: Catalog): readonly string[] {
  const found = known.get(catalog);
  if (found !== undefined) return found;
  const named = [...catalog.methods.values()].map(({ permission }) => permission).filter((text) => text !== "");
  const all = [...new Set([...named, ...asked])].sort();
  known.set(catalog, all);
  return all;
}
