// Says in a plan what its apply may not do: one who may only look may plan (a pull request's check), and should not find out in the apply.
import type { KindFacts as Kind } from "@photoncloud/proto";
import type { Cloud, Reference, Terms } from "./cloud.ts";
import type { Diagnostic } from "./diagnostics.ts";
import { textsOf } from "./json-object.ts";
import { theCatalog } from "./the-catalog.ts";

const verbs = ["create", "update", "delete"] as const;
export type Verb = (typeof verbs)[number];

const permissionOf = ({ standard }: Kind, verb: Verb): string => standard[verb].permission;

export class PermissionHints {
  readonly #cloud: () => Cloud;
  /** By kind and tenant: what the caller has of the three. */
  readonly #known = new Map<string, Promise<ReadonlySet<string> | undefined>>();

  constructor(cloud: () => Cloud) {
    this.#cloud = cloud;
  }

  /** A warning for each that is missing. Where the cloud does not tell there is none: it is a hint, and the apply is checked all the same. */
  async missing(
    kind: Kind,
    at: Omit<Reference, "id">,
    wanted: readonly Verb[],
    terms: Terms,
  ): Promise<readonly Diagnostic[]> {
    const key = [kind.noun, at.org, at.project].join("/");
    const asked = this.#known.get(key) ?? this.#ask(kind, at, terms);
    this.#known.set(key, asked);
    const has = await asked;
    if (has === undefined) return [];
    const lacks = wanted.map((verb) => [verb, permissionOf(kind, verb)] as const).filter(([, name]) => !has.has(name));
    return lacks.map(([verb, name]) => warning(kind, verb, name));
  }

  async #ask(kind: Kind, { org, project }: Omit<Reference, "id">, terms: Terms) {
    const method = theCatalog().methods.get("iam.v1.IamAuthzService/TestPermissions");
    if (method === undefined) return undefined;
    const permissions = verbs.map((verb) => permissionOf(kind, verb));
    const request = { orgId: org, projectId: project, permissions };
    return this.#cloud()
      .call(method, request, terms)
      .then((answer) => new Set(textsOf(answer, "permissions")))
      .catch(() => undefined);
  }
}

function warning(kind: Kind, verb: Verb, permission: string): Diagnostic {
  const what = kind.noun.replaceAll("_", " ");
  const detail = `Who plans here lacks the permission ${permission} for a ${what} in this place, so that an apply by the same principal will be refused unless a role's condition allows it for this one. Apply as somebody who has it, or ask an administrator for a role that does.`;
  return { severity: "warning", summary: `The apply may not ${verb} this`, detail };
}
