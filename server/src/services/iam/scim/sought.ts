// Which users and groups a filter can mean, from indexes: a directory asks for one at a time, and an org may have many thousands.
import { GroupSchema } from "@photoncloud/proto/gen/iam/v1/group_pb";
import { UserSchema } from "@photoncloud/proto/gen/iam/v1/user_pb";
import type { Store } from "../../../store/store.ts";
import { userNameClaim } from "../federation/user-link.ts";
import { idsOfSought, mostAlike, type Sought, spelled } from "../sought.ts";
import { tooMany } from "./error.ts";
import type { Equality } from "./filter.ts";

interface Reads {
  readonly store: Pick<Store, "transact" | "holder">;
  readonly isFilled: () => Promise<boolean>;
}

/** What answers a filter's attribute by itself. */
type Index = (reads: Reads, org: string, value: string) => Promise<readonly string[] | undefined>;
/** By the attribute's path in lower case; of several the first that a filter names is read. */
type Indexes = readonly (readonly [path: string, index: Index])[];

const byId: Index = async (_, __, id) => [id];

const byUserName: Index = async ({ store }, org, userName) => {
  const { space, key } = userNameClaim(org, userName);
  const holder = await store.holder(space, key);
  return holder === undefined ? [] : [holder.id];
};

function by(kind: string, field: Sought["field"]): Index {
  return async ({ store, isFilled }, org, given) => {
    if (!(await isFilled())) return undefined;
    const ids = await idsOfSought(store, { org, kind, field, value: spelled({ org, field, value: given }) });
    if (ids.length > mostAlike) throw tooMany(mostAlike);
    return ids;
  };
}

const user = UserSchema.typeName;
const ofUsers: Indexes = [
  ["id", byId],
  ["username", byUserName],
  ["externalid", by(user, "external_id")],
  ["emails.value", by(user, "email")],
  ["emails", by(user, "email")],
  ["displayname", by(user, "name")],
  ["name.formatted", by(user, "name")],
];

const group = GroupSchema.typeName;
const ofGroups: Indexes = [
  ["id", byId],
  ["externalid", by(group, "external_id")],
  ["displayname", by(group, "name")],
  ["members.value", by(group, "members")],
  ["members", by(group, "members")],
];

/** The text that an attribute must equal; undefined: the filter does not say. */
function wanted(filter: readonly Equality[], attribute: string): string | undefined {
  const found = filter.find(({ path }) => path.join(".").toLowerCase() === attribute);
  return typeof found?.value === "string" && found.value !== "" ? found.value : undefined;
}

/** Undefined: no index says. @throws ScimError tooMany */
async function sought(indexes: Indexes, reads: Reads, org: string, filter: readonly Equality[]) {
  for (const [path, index] of indexes) {
    const value = wanted(filter, path);
    if (value !== undefined) return index(reads, org, value);
  }
  return undefined;
}

export function usersSought(reads: Reads, org: string, filter: readonly Equality[]) {
  return sought(ofUsers, reads, org, filter);
}

export function groupsSought(reads: Reads, org: string, filter: readonly Equality[]) {
  return sought(ofGroups, reads, org, filter);
}
