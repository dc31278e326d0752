// Whether a caller may: a refusal is an event, and says only what the caller said and what was missing.
import { create, type Message } from "@bufbuild/protobuf";
import { Fault } from "../fault.ts";
import { type Decision, deciderOf, type ResourcePath } from "../services/call.ts";
import type { Principal } from "../services/kind.ts";
import type { EdgeParts } from "./parts.ts";
import { denialIn, permissionDenied, type Refusals } from "./refusals.ts";
import type { One, Route } from "./routes.ts";
import type { CallState } from "./state.ts";

/** What a caller may ask for, and what allowed it in a word. */
interface Permitted {
  readonly by: string;
  /** Of a call that names many resources, with those alone that its caller may have. */
  readonly request: Message;
}

export interface Guard {
  /** @throws Fault UNAUTHENTICATED, PERMISSION_DENIED */
  check(route: Route, request: Message, state: CallState): Promise<Permitted>;
  /** Records what a method itself has refused: to give what the caller does not hold, for one. */
  heed(route: Route, request: Message, state: CallState, error: unknown): Promise<void>;
}

/** What was missing, where, and what refused it in a word. */
interface Refused {
  readonly permission: string;
  readonly path: ResourcePath;
  readonly by: string;
}

export function createGuard({ authorizer }: Pick<EdgeParts, "authorizer">, refusals: Refusals): Guard {
  async function record(route: Route, state: CallState, { permission, path, by }: Refused): Promise<void> {
    const { principal, requestId, sourceIp } = state;
    state.refusalNoted = true;
    if (principal === undefined) return;
    const caller = { principal, sourceIp, requestId, method: route.name, decidedBy: by };
    await refusals.record({ permission, path, kind: route.kind, caller });
  }

  function decide(
    route: Route,
    principal: Principal,
    { sourceIp }: CallState,
    one: Omit<One, "id">,
  ): Promise<Decision> {
    const { permission, name: method } = route;
    return authorizer.authorize(principal, permission, one.path, {
      sourceIp,
      attributes: one.attributes,
      method,
    });
  }

  /** Asks for each by itself, as a get of each would: what may not be seen is left out as what is missing is. */
  async function checkEach(route: Route, request: Message, state: CallState, principal: Principal): Promise<Permitted> {
    const each = route.each(request);
    const decisions = await Promise.all(each.map((one) => decide(route, principal, state, one)));
    const refused = decisions.findIndex(({ allowed }) => !allowed);
    const [denial, one] = [decisions[refused], each[refused]];
    const allowance = decisions.find(({ allowed }) => allowed);
    if (denial === undefined || one === undefined) return { by: allowance ? deciderOf(allowance) : "", request };
    const path = allowance === undefined ? route.path(request) : one.path;
    await record(route, state, { permission: route.permission, path, by: deciderOf(denial) });
    if (allowance === undefined) throw permissionDenied(principal, route.permission, path);
    const ids = each.filter((_, index) => decisions[index]?.allowed === true).map(({ id }) => id);
    return { by: deciderOf(allowance), request: create(route.method.input, { ...request, ids }) };
  }

  return {
    async check(route, request, state) {
      const { principal } = state;
      if (route.permission === "") return { by: "", request };
      if (principal === undefined) throw new Fault("UNAUTHENTICATED", "this call needs a token");
      if (route.each(request).length > 0) return checkEach(route, request, state, principal);
      const path = route.path(request);
      const decision = await decide(route, principal, state, { path, attributes: () => route.attributes(request) });
      const by = deciderOf(decision);
      if (decision.allowed) return { by, request };
      await record(route, state, { permission: route.permission, path, by });
      throw permissionDenied(principal, route.permission, path);
    },
    async heed(route, request, state, error) {
      const denial = state.refusalNoted ? undefined : denialIn(error);
      if (denial !== undefined)
        await record(route, state, { permission: route.permission, path: route.path(request), ...denial });
    },
  };
}
