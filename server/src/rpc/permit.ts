// Work that is done for a request that is no RPC, in the name of whose token it carries, if they may.
import type { Kind, StandardVerb } from "@photoncloud/proto";
import type { ResourcePath } from "../services/call.ts";
import type { PermittedWork } from "../services/web.ts";
import type { Access, Asked, Asker } from "./access.ts";
import type { EdgeParts } from "./parts.ts";
import { segment } from "./scope.ts";

/** What the work itself refuses is an event, too. @throws Fault UNAUTHENTICATED, PERMISSION_DENIED */
export type Permit = <T>(asker: Asker, asked: Asked, work: PermittedWork<T>) => Promise<T>;

export function createPermit(access: Access): Permit {
  return async (asker, asked, work) => {
    const caller = await access.check(await access.whose(asker, asked), asker, asked);
    return work(caller.principal, caller.decidedBy).catch(async (error: unknown) => {
      await access.heed(error, caller, asked);
      throw error;
    });
  };
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
