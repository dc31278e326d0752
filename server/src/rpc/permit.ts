// Whose token it is and whether they may, for requests that are no RPC. A refusal is an event, as with every method.
import type { Kind, StandardVerb } from "@photoncloud/proto";
import { Fault } from "../fault.ts";
import { deciderOf, formatPath, type ResourcePath } from "../services/call.ts";
import { actorOf } from "../services/resources/work.ts";
import type { PermittedWork } from "../services/web.ts";
import type { EdgeParts } from "./parts.ts";
import { createBudget, refusalEvent } from "./refusals.ts";
import { segment } from "./scope.ts";
import type { Strangers } from "./strangers.ts";
import type { RememberingAuthenticator } from "./tokens.ts";

/** What a request that is no RPC comes with. */
export interface Asker {
  readonly token: string;
  readonly sourceIp: string;
  readonly requestId: string;
}

/** @throws Fault UNAUTHENTICATED, PERMISSION_DENIED */
export type Permit = <T>(asker: Asker, asked: Asked, work: PermittedWork<T>) => Promise<T>;

/** What somebody wants to do, and with what. */
export interface Asked {
  readonly permission: string;
  /** What the log calls it. */
  readonly method: string;
  /** Of what the permission is asked; its parts are segments. */
  readonly path: ResourcePath;
  /** The kind's full name; "" for what is no resource. */
  readonly kind: string;
  /** What conditions see of the resource. */
  readonly attributes: () => Promise<Readonly<Record<string, string>>>;
}

/** What somebody wants to do with a resource of an org; id "": with none in particular. */
export interface AskedInOrg {
  readonly kind: Kind;
  readonly verb: StandardVerb;
  readonly org: string;
  readonly id: string;
}

export type PermitInOrg = <T>(asker: Asker, asked: AskedInOrg, work: PermittedWork<T>) => Promise<T>;

/** For kinds that live in an org. */
export function permitInOrg(permit: Permit, calls: EdgeParts["calls"]): PermitInOrg {
  return (asker, { kind, verb, org, id }, work) => {
    const { permission, desc } = kind.standard[verb];
    const path: ResourcePath = { org: segment(org), project: "", type: kind.noun, id: segment(id) };
    const attributes = async () =>
      path.id === "" ? {} : calls.attributes(kind, { org: path.org, project: "" }, path.id);
    const method = `${desc.parent.typeName}/${desc.name}`;
    return permit(asker, { permission, method, path, kind: kind.typeName, attributes }, work);
  };
}

export type PermitParts = Pick<EdgeParts, "authorizer" | "audit" | "clock"> & {
  readonly tokens: RememberingAuthenticator;
  readonly strangers: Strangers;
};

export function createPermit({ authorizer, audit, clock, tokens, strangers }: PermitParts): Permit {
  const withinBudget = createBudget(clock);
  return async ({ token, sourceIp, requestId }, { permission, method, path, kind, attributes }, work) => {
    if (token === "") throw new Fault("UNAUTHENTICATED", "this needs a token: send Authorization: Bearer …");
    const principal = await tokens.authenticate(token).catch(async (error: unknown) => {
      await strangers.noteToken(error, token, { sourceIp, requestId, method });
      throw error;
    });
    const decision = await authorizer.authorize(principal, permission, path, { sourceIp, attributes });
    const note = async (missing: string, decidedBy: string) => {
      const caller = { principal, sourceIp, requestId, method, decidedBy };
      if (withinBudget(actorOf(principal))) await audit(refusalEvent(principal, missing, path, kind, caller));
    };
    if (decision.allowed)
      return work(principal, deciderOf(decision)).catch(async (error: unknown) => {
        if (error instanceof Fault && error.reason === "PERMISSION_DENIED")
          await note(error.details.permission ?? permission, error.details.decidedBy ?? "method");
        throw error;
      });
    await note(permission, deciderOf(decision));
    throw new Fault(
      "PERMISSION_DENIED",
      `${actorOf(principal)} does not have the permission ${permission} on ${formatPath(path)}`,
      { permission },
    );
  };
}
