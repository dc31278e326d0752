// Where a call wants to act: the resource path that its permission is asked for, read from the request alone.
import type { Message } from "@bufbuild/protobuf";
import { type Kind, Scope, type StandardVerb } from "@photoncloud/proto";
import type { ResourcePath } from "../services/call.ts";
import type { Tenant } from "../store/store.ts";

/** A segment that means nothing in a path or a pattern. Longer than any id: what is asked for is remembered by its path. */
const plain = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** A string field of a request by its TypeScript name; "" where it is not set or there is none. */
function text(message: Message, localName: string): string {
  const value: unknown = Reflect.get(message, localName);
  return typeof value === "string" ? value : "";
}

/** Keeps a segment from being read as more than one, or as a pattern: no resource has such an id, so nothing is lost. */
export function segment(value: string): string {
  if (value === "" || plain.test(value)) return value;
  return `=${Buffer.from(value.slice(0, 96), "utf8").toString("base64url").slice(0, 128)}`;
}

/** The tenant that a request names, cut to what the kind's scope has. */
export function tenantOf(scope: Scope, request: Message): Tenant {
  const org = scope === Scope.SYSTEM ? "" : segment(text(request, "orgId"));
  const project = scope === Scope.SYSTEM || scope === Scope.ORG ? "" : segment(text(request, "projectId"));
  return { org, project };
}

/** An org's or a project's own row is the scope itself. */
function scopePath(kind: Kind, tenant: Tenant, id: string): ResourcePath {
  const here = kind.isScope === Scope.ORG ? { org: id, project: "" } : { org: tenant.org, project: id };
  return { ...here, type: "", id: "" };
}

/** One resource of a kind, or with id "" none in particular. */
export function resourcePath(kind: Kind, tenant: Tenant, id: string): ResourcePath {
  const named = segment(id);
  if (kind.isScope !== Scope.UNSPECIFIED && named !== "") return scopePath(kind, tenant, named);
  return { org: tenant.org, project: tenant.project, type: kind.noun, id: named };
}

/** What a kind's method is about. `verb` is undefined for a custom method, which names one resource by its id. */
export function kindPath(kind: Kind, verb: StandardVerb | undefined, request: Message): ResourcePath {
  const none = verb === "create" || verb === "list" || verb === "batchGet";
  return resourcePath(kind, tenantOf(kind.scope, request), none ? "" : text(request, "id"));
}

/** What a method of another service is about: the scope that its request names, or one resource there. */
export function servicePath(request: Message, about?: { readonly kind: Kind; readonly id: string }): ResourcePath {
  return { ...tenantOf(Scope.PROJECT, request), type: about?.kind.noun ?? "", id: segment(about?.id ?? "") };
}
