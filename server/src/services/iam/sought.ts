// What directories look users and groups up by. Several may have the same of it, so that each claims a place of its own under it.
import { type Group, GroupSchema } from "@photoncloud/proto/gen/iam/v1/group_pb";
import { type User, UserSchema } from "@photoncloud/proto/gen/iam/v1/user_pb";
import type { Store } from "../../store/store.ts";
import type { Admission } from "../kind.ts";
import { foldName } from "./fold-name.ts";
import { parsePrincipalName, principalName } from "./principal-name.ts";

/** What is looked for: of a kind's resources in an org those that have a value; a group has each of its people. */
export interface Sought {
  readonly org: string;
  readonly kind: string;
  readonly field: "external_id" | "name" | "email" | "members";
  /** As `spelled` spells it. */
  readonly value: string;
}

/** More of one value are not looked at: directories give each its own, and nobody is in so many groups. */
export const mostAlike = 1_000;

/** A value as its index has it: people's names and addresses have no case, what a directory drew has. */
export function spelled({ org, field, value }: Omit<Sought, "kind">): string {
  if (field === "external_id") return value;
  return field === "members" ? principalName({ kind: "user", org, id: value }) : foldName(value);
}

/** What a user is found by. */
export function soughtOfUser(org: string, { externalId, name, email }: User): readonly Sought[] {
  return soughtOf(org, UserSchema.typeName, { external_id: externalId, name, email });
}

/** What a group is found by. */
export function soughtOfGroup(org: string, { externalId, name, members }: Group): readonly Sought[] {
  const kind = GroupSchema.typeName;
  const people = members.filter((member) => parsePrincipalName(member)?.kind === "user");
  return [
    ...soughtOf(org, kind, { external_id: externalId, name }),
    ...people.map((value): Sought => ({ org, kind, field: "members", value })),
  ];
}

type Given = { readonly [Field in "external_id" | "name" | "email"]?: string | undefined };

function soughtOf(org: string, kind: string, given: Given): readonly Sought[] {
  const fields = ["external_id", "name", "email"] as const;
  return fields.flatMap((field) => {
    const { [field]: value = "" } = given;
    return value === "" ? [] : [{ org, kind, field, value: spelled({ org, field, value }) }];
  });
}

function spaceOf({ org, kind, field, value }: Sought): string {
  return `${field}|iam/sought/${org}/${kind}/${value}`;
}

/** Has a resource found by what it is looked up by. */
export function claimSought(admission: Pick<Admission, "claim">, sought: readonly Sought[], id: string): void {
  for (const one of sought) admission.claim({ space: spaceOf(one), key: id });
}

/** The ids of those that have it; of more than `mostAlike` one more than that. */
export function idsOfSought(store: Pick<Store, "transact">, sought: Sought): Promise<readonly string[]> {
  return store.transact(async (tx) => (await tx.claims(spaceOf(sought), mostAlike + 1)).map(({ key }) => key));
}
