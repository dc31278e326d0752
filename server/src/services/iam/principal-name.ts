// The one spelling of a principal: {kind}:{org}/{id}, as bindings, tokens and events write it.
import type { Principal } from "../kind.ts";

/** Who someone is, without a login. */
export type Identity = Pick<Principal, "kind" | "org" | "id">;

/** "user:acme-corp/alice" */
export function principalName(identity: Identity): string {
  return `${identity.kind}:${identity.org}/${identity.id}`;
}

/** "group:acme-corp/operators" */
export function groupName(org: string, id: string): string {
  return `group:${org}/${id}`;
}

const groupShape = /^group:([a-z0-9-]+)\/([a-z0-9-]+)$/;

/** Reads "group:acme-corp/operators"; undefined where it is not of that shape. */
export function parseGroupName(name: string): { readonly org: string; readonly id: string } | undefined {
  const [, org, id] = groupShape.exec(name) ?? [];
  return org === undefined || id === undefined ? undefined : { org, id };
}

const shape = /^(user|service_account):([a-z0-9-]+)\/([a-z0-9-]+)$/;

/** Reads "user:acme-corp/alice"; undefined where it is not of that shape. */
export function parsePrincipalName(name: string): Identity | undefined {
  const [, kind, org, id] = shape.exec(name) ?? [];
  if (org === undefined || id === undefined) return undefined;
  return { kind: kind === "user" ? "user" : "service_account", org, id };
}
