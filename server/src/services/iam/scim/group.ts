// Groups as SCIM has them (RFC 7643, section 4.2): people alone. What programs a group has is the org's own and stays.
import { create } from "@bufbuild/protobuf";
import { type Group, GroupSchema } from "@photoncloud/proto/gen/iam/v1/group_pb";
import { parsePrincipalName, principalName } from "../principal-name.ts";
import { ScimError } from "./error.ts";
import { attribute, isRecord, type Json, listOf, textOf } from "./json.ts";
import { metaOf } from "./user.ts";

export const groupSchemaId = "urn:ietf:params:scim:schemas:core:2.0:Group";
export const groupPaths = ["name", "external_id", "members"];

/** @param base Where users are: "https://…/scim/v2/acme/Users". */
export function groupToScim(group: Group, location: string, base: string): Json {
  const people = group.members.flatMap((name) => {
    const identity = parsePrincipalName(name);
    return identity?.kind === "user" ? [{ value: identity.id, $ref: `${base}/${identity.id}`, type: "User" }] : [];
  });
  return {
    schemas: [groupSchemaId],
    id: group.id,
    ...(group.externalId !== undefined && group.externalId !== "" && { externalId: group.externalId }),
    displayName: group.name,
    members: people,
    meta: metaOf("Group", group, location),
  };
}

/** @param prior The group as it is; its service accounts stay in it. @throws ScimError */
export function groupFromScim(resource: Json, org: string, prior: Group | undefined): Group {
  const name = textOf(attribute(resource, "displayName"));
  if (name === undefined) throw new ScimError(400, "displayName is required", "invalidValue");
  const people = listOf(attribute(resource, "members")).map((member) => {
    const id = textOf(isRecord(member) ? attribute(member, "value") : member);
    if (id === undefined) throw new ScimError(400, "a member has no value", "invalidValue");
    return principalName({ kind: "user", org, id });
  });
  const programs = (prior?.members ?? []).filter((member) => parsePrincipalName(member)?.kind !== "user");
  return create(GroupSchema, {
    name: name.slice(0, 128),
    externalId: textOf(attribute(resource, "externalId")) ?? "",
    members: [...new Set([...people, ...programs])],
  });
}
