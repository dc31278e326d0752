// What the methods of this service share: who asks, about whom, and the paths of what is asked about.
import { Fault, invalidField } from "../../../fault.ts";
import { type Authorizer, type Call, formatPath, mayAlso, type ResourcePath } from "../../call.ts";
import type { Principal } from "../../kind.ts";
import { parsePrincipalName, principalName } from "../principal-name.ts";
import { unauthenticated } from "../tokens/access-token.ts";

const checkPermission = "iam:authz:check";
const mostAttributes = 64;
const longestAttribute = 1_024;
/** In characters; decisions are remembered by the words that were asked for. */
export const longestWord = 256;
export const longestResource = 512;

export function malformed(): Fault {
  return new Fault("MALFORMED_REQUEST", "the request is not the method's own");
}

export function callerOf(call: Call): Principal {
  if (call.principal === undefined) throw unauthenticated();
  return call.principal;
}

export function refuseLong(path: string, text: string, limit: number): void {
  if (text.length > limit)
    throw invalidField(path, "size", `it has ${text.length} characters; at most ${limit} are allowed`);
}

/** Asking for someone else needs the permission where it is asked for, and where they belong. */
export async function other(
  authorizer: Authorizer,
  caller: Principal,
  name: string,
  path: ResourcePath,
  call: Call,
): Promise<Principal> {
  const identity = parsePrincipalName(name);
  if (identity === undefined)
    throw invalidField(
      "principal",
      "pattern",
      `${JSON.stringify(name)} is no principal; give one as "user:acme-corp/alice"`,
    );
  if (name !== principalName(caller))
    for (const org of new Set([path.org, identity.org])) {
      const where = { org, project: "", type: "", id: "" };
      if (!(await mayAlso(authorizer, call, checkPermission, where)))
        throw new Fault(
          "PERMISSION_DENIED",
          `asking what ${name} may do needs ${checkPermission} in ${formatPath(where) || "the system"}`,
          {
            permission: checkPermission,
          },
        );
    }
  return { ...identity, project: "", sessionId: "" };
}

export function refuseBigAttributes(attributes: Readonly<Record<string, string>>): void {
  const entries = Object.entries(attributes);
  if (entries.length > mostAttributes || entries.some(([, value]) => value.length > longestAttribute))
    throw invalidField(
      "resource_attributes",
      "size",
      `give at most ${mostAttributes} attributes of ${longestAttribute} characters`,
    );
}

/** Reads org/{org}/project/{project}/{type}/{id}, whose parts at the end may be left out. */
export function parsePath(text: string): ResourcePath {
  const parts = text === "" ? [] : text.split("/");
  if (parts.some((part) => part === "" || part === "*")) throw badPath(text);
  const take = (word: string) => (parts[0] === word && parts.length > 1 ? parts.splice(0, 2)[1] : undefined) ?? "";
  const org = take("org");
  const project = org === "" ? "" : take("project");
  if (parts.length > 2) throw badPath(text);
  return { org, project, type: parts[0] ?? "", id: parts[1] ?? "" };
}

function badPath(text: string): Fault {
  return invalidField(
    "resource",
    "format",
    `${JSON.stringify(text)} is no resource path; give org/{org}/project/{project}/{type}/{id}, or a part of it from the left`,
  );
}
