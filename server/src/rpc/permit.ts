// Whose token it is and whether they may, for requests that are no RPC. A refusal is an event, as with every method.
import type { Kind, StandardVerb } from "@photoncloud/proto";
import { Fault } from "../fault.ts";
import { deciderOf, formatPath, type ResourcePath } from "../services/call.ts";
import type { Principal } from "../services/kind.ts";
import { actorOf } from "../services/resources/work.ts";
import type { EdgeParts } from "./parts.ts";
import { createBudget, refusalEvent } from "./refusals.ts";
import { segment } from "./scope.ts";
import type { RememberingAuthenticator } from "./tokens.ts";

/** What a request that is no RPC comes with. */
export interface Asker {
  readonly token: string;
  readonly sourceIp: string;
  readonly requestId: string;
}

/** @throws Fault UNAUTHENTICATED, PERMISSION_DENIED */
export type Permit = (asker: Asker, kind: Kind, verb: StandardVerb, org: string, id: string) => Promise<Principal>;

export type PermitParts = Pick<EdgeParts, "authorizer" | "audit" | "clock" | "calls"> & {
  readonly tokens: RememberingAuthenticator;
};

/** For kinds that live in an org. */
export function createPermit({ authorizer, audit, clock, calls, tokens }: PermitParts): Permit {
  const withinBudget = createBudget(clock);
  return async ({ token, sourceIp, requestId }, kind, verb, org, id) => {
    if (token === "") throw new Fault("UNAUTHENTICATED", "this needs a token: send Authorization: Bearer …");
    const principal = await tokens.authenticate(token);
    const { permission, desc } = kind.standard[verb];
    const path: ResourcePath = { org: segment(org), project: "", type: kind.noun, id: segment(id) };
    const attributes = async () =>
      path.id === "" ? {} : calls.attributes(kind, { org: path.org, project: "" }, path.id);
    const decision = await authorizer.authorize(principal, permission, path, { sourceIp, attributes });
    if (decision.allowed) return principal;
    const method = `${desc.parent.typeName}/${desc.name}`;
    const caller = { principal, sourceIp, requestId, method, decidedBy: deciderOf(decision) };
    if (withinBudget(actorOf(principal))) await audit(refusalEvent(principal, permission, path, kind.typeName, caller));
    throw new Fault(
      "PERMISSION_DENIED",
      `${actorOf(principal)} does not have the permission ${permission} on ${formatPath(path)}`,
      { permission },
    );
  };
}
