// Whose token a request that is no RPC comes with, and whether they may: as the gate and the guard ask of every method.
import { Fault } from "../fault.ts";
import { deciderOf, type ResourcePath } from "../services/call.ts";
import type { Caller, Principal } from "../services/kind.ts";
import type { EdgeParts } from "./parts.ts";
import { denialIn, permissionDenied, type Refusals } from "./refusals.ts";
import type { Strangers } from "./strangers.ts";
import type { RememberingAuthenticator } from "./tokens.ts";

/** What a request comes with. */
export interface Asker {
  readonly token: string;
  readonly sourceIp: string;
  readonly requestId: string;
}

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

/** Who does something, and what allowed it in a word. */
export type Allowed = Caller & { readonly principal: Principal; readonly decidedBy: string };

export interface Access {
  /** @throws Fault UNAUTHENTICATED */
  whose(asker: Asker, asked: Pick<Asked, "method">): Promise<Principal>;
  /** The permission counts as used. A refusal is an event. @throws Fault PERMISSION_DENIED */
  check(principal: Principal, asker: Omit<Asker, "token">, asked: Asked): Promise<Allowed>;
  /** Records what the work itself has refused. */
  heed(error: unknown, caller: Allowed, asked: Asked): Promise<void>;
}

export interface AccessParts extends Pick<EdgeParts, "authorizer"> {
  readonly refusals: Refusals;
  readonly tokens: RememberingAuthenticator;
  readonly strangers: Strangers;
}

export function createAccess({ authorizer, refusals, tokens, strangers }: AccessParts): Access {
  return {
    async whose({ token, sourceIp, requestId }, { method }) {
      if (token === "") throw new Fault("UNAUTHENTICATED", "this needs a token: send Authorization: Bearer …");
      return tokens.authenticate(token).catch(async (error: unknown) => {
        await strangers.noteToken(error, token, { sourceIp, requestId, method });
        throw error;
      });
    },
    async check(principal, { sourceIp, requestId }, { permission, method, path, kind, attributes }) {
      const decision = await authorizer.authorize(principal, permission, path, { sourceIp, attributes, method });
      const caller = { principal, sourceIp, requestId, method, decidedBy: deciderOf(decision) };
      if (decision.allowed) return caller;
      await refusals.record({ permission, path, kind, caller });
      throw permissionDenied(principal, permission, path);
    },
    async heed(error, caller, { permission, path, kind }) {
      const denial = denialIn(error);
      if (denial === undefined) return;
      const { permission: missing = permission, by: decidedBy } = denial;
      await refusals.record({ permission: missing, path, kind, caller: { ...caller, decidedBy } });
    },
  };
}
