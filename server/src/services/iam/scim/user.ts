// Users as SCIM has them (RFC 7643, section 4.1).
import { create } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type User, UserSchema } from "@photoncloud/proto/gen/iam/v1/user_pb";
import { ScimError } from "./error.ts";
import { attribute, isRecord, type Json, listOf, textOf, truthOf } from "./json.ts";

export const userSchemaId = "urn:ietf:params:scim:schemas:core:2.0:User";
/** What SCIM decides of a user. */
export const userPaths = ["user_name", "external_id", "name", "email", "disabled"];

export function userToScim(user: User, location: string): Json {
  return {
    schemas: [userSchemaId],
    id: user.id,
    ...(user.externalId !== undefined && user.externalId !== "" && { externalId: user.externalId }),
    userName: user.userName === undefined || user.userName === "" ? user.id : user.userName,
    displayName: user.name,
    name: { formatted: user.name },
    ...(user.email !== undefined &&
      user.email !== "" && { emails: [{ value: user.email, type: "work", primary: true }] }),
    active: user.disabled !== true,
    meta: metaOf("User", user, location),
  };
}

export function metaOf(
  resourceType: string,
  { createTime, updateTime, etag }: Pick<User, "createTime" | "updateTime" | "etag">,
  location: string,
): Json {
  return {
    resourceType,
    ...(createTime && { created: timestampDate(createTime).toISOString() }),
    ...(updateTime && { lastModified: timestampDate(updateTime).toISOString() }),
    location,
    version: `W/"${etag}"`,
  };
}

/** What a resource asks for. `prior`: what it said before, so that of two names the one that was changed counts. @throws ScimError */
export function userFromScim(resource: Json, prior: Json | undefined): User {
  const userName = textOf(attribute(resource, "userName"));
  if (userName === undefined) throw new ScimError(400, "userName is required", "invalidValue");
  const active = attribute(resource, "active");
  const isActive = active === undefined ? true : truthOf(active);
  if (isActive === undefined) throw new ScimError(400, "active must be true or false", "invalidValue");
  return create(UserSchema, {
    userName,
    externalId: textOf(attribute(resource, "externalId")) ?? "",
    name: nameOf(resource, prior) ?? userName,
    email: emailOf(resource) ?? "",
    disabled: !isActive,
  });
}

function nameOf(resource: Json, prior: Json | undefined): string | undefined {
  const [shown, formal] = namesOf(resource);
  const [shownBefore] = prior === undefined ? [] : namesOf(prior);
  const chosen = shown === undefined || shown === shownBefore ? (formal ?? shown) : shown;
  return chosen?.slice(0, 128);
}

function namesOf(resource: Json): readonly [string | undefined, string | undefined] {
  const name = attribute(resource, "name");
  const parts = isRecord(name) ? [attribute(name, "givenName"), attribute(name, "familyName")].map(textOf) : [];
  const whole = parts.filter((part) => part !== undefined).join(" ");
  const formatted = isRecord(name) ? textOf(attribute(name, "formatted")) : undefined;
  return [textOf(attribute(resource, "displayName")), formatted ?? textOf(whole)];
}

function emailOf(resource: Json): string | undefined {
  const emails = listOf(attribute(resource, "emails"));
  const primary = emails.find((one) => isRecord(one) && truthOf(attribute(one, "primary")) === true) ?? emails[0];
  return textOf(isRecord(primary) ? attribute(primary, "value") : primary);
}
