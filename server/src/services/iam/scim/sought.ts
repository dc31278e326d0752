// Which users and groups a filter can mean, from indexes: a directory asks for one at a time, and an org may have many thousands.
import { GroupSchema } from "@photoncloud/proto/gen/iam/v1/group_pb";
import { UserSchema } from "@photoncloud/proto/gen/iam/v1/user_pb";
import type { Store } from "../../../store/store.ts";
import { idsOfSought, type Sought } from "../external-ids.ts";
import { foldUserName, userNameClaim } from "../federation/user-link.ts";
import type { Equality } from "./filter.ts";

interface Reads {
  readonly store: Pick<Store, "transact" | "holder">;
  readonly isFilled: () => Promise<boolean>;
}

/** The text that an attribute must equal; undefined: the filter does not say. */
function wanted(filter: readonly Equality[], attribute: string): string | undefined {
  const found = filter.find(({ path }) => path.length === 1 && path[0]?.toLowerCase() === attribute);
  return typeof found?.value === "string" ? found.value : undefined;
}

/** Where one value alone decides. Undefined: all must be looked at. */
async function sought(reads: Reads, filter: readonly Equality[], about: Pick<Sought, "org" | "kind">) {
  const id = wanted(filter, "id");
  if (id !== undefined) return [id];
  const value = wanted(filter, "externalid");
  return value === undefined || value === "" ? undefined : claimed(reads, { ...about, field: "external_id", value });
}

async function claimed({ store, isFilled }: Reads, what: Sought): Promise<readonly string[] | undefined> {
  return (await isFilled()) ? idsOfSought(store, what) : undefined;
}

export async function usersSought(reads: Reads, org: string, filter: readonly Equality[]) {
  const userName = wanted(filter, "username");
  if (userName === undefined || userName === "") return sought(reads, filter, { org, kind: UserSchema.typeName });
  const { space, key } = userNameClaim(org, userName);
  const holder = await reads.store.holder(space, key);
  return holder === undefined ? [] : [holder.id];
}

export async function groupsSought(reads: Reads, org: string, filter: readonly Equality[]) {
  const about = { org, kind: GroupSchema.typeName };
  const name = wanted(filter, "displayname");
  if (name === undefined || name === "") return sought(reads, filter, about);
  return claimed(reads, { ...about, field: "name", value: foldUserName(name) });
}
