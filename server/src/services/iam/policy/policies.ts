// The index of who may do what as those ask it who decide: kept fresh, and of a place where somebody is given nothing, nothing is looked at. So
// strangers learn neither what is denied there nor, by how long it takes, whether it is there at all; and what they make up fills no memory.
import { RoleBindingSchema } from "@photoncloud/proto/gen/iam/v1/role_binding_pb";
import { Fault } from "../../../fault.ts";
import type { Store, Tenant } from "../../../store/store.ts";
import type { Identity } from "../principal-name.ts";
import type { Follower } from "./follower.ts";
import { scopesNaming } from "./holders.ts";
import type { Policy } from "./policy.ts";
import type { ScopeIndex } from "./scope-index.ts";
import { policyFor, type View } from "./view.ts";

/** Who calls, or is asked about. */
export type Asking = Identity & { readonly groups?: readonly string[] };

/** Where the index can't be kept fresh, asking it fails, and nobody may do anything. */
export interface Policies {
  /** @throws Fault STORE_UNAVAILABLE */
  view(path: Tenant, home: string): View | Promise<View>;
  /** All that speaks of somebody at a place; of those who are given nothing there, what holds in the whole system alone. @throws Fault STORE_UNAVAILABLE */
  of(principal: Asking, path: Tenant): Policy | Promise<Policy>;
}

const system: Tenant = { org: "", project: "" };

export class FreshPolicies implements Policies {
  readonly #index: ScopeIndex;
  readonly #store: Pick<Store, "referrers">;
  readonly #follower: Pick<Follower, "fresh">;

  constructor(index: ScopeIndex, store: Pick<Store, "referrers">, follower: Pick<Follower, "fresh">) {
    this.#index = index;
    this.#store = store;
    this.#follower = follower;
  }

  view(path: Tenant, home: string): View | Promise<View> {
    const waiting = this.#follower.fresh();
    if (waiting !== undefined) return readable(() => waiting.then(() => this.#index.view(path, home)));
    const view = this.#index.view(path, home);
    return view instanceof Promise ? readable(() => view) : view;
  }

  of(principal: Asking, path: Tenant): Policy | Promise<Policy> {
    const waiting = this.#follower.fresh();
    const view = waiting === undefined ? this.#index.known(path, principal.org) : undefined;
    const policy = view && policyFor(view, principal);
    if (policy !== undefined && policy.grants.length > 0) return policy;
    return readable(async () => {
      await waiting;
      return this.#lookedUp(principal, path);
    });
  }

  async #lookedUp(principal: Asking, path: Tenant): Promise<Policy> {
    const outside = policyFor(await this.#index.view(system, principal.org), principal);
    if (!(await this.#isGiven(outside, path))) return outside;
    return policyFor(await this.#index.view(path, principal.org), principal);
  }

  /** Whether a binding at the place or above names somebody: by as many reads wherever that is. */
  async #isGiven({ principal, groups }: Policy, { org, project }: Tenant): Promise<boolean> {
    const naming = (holder: string) => scopesNaming(this.#store, holder, RoleBindingSchema.typeName);
    const scopes = (await Promise.all([principal, ...groups].map(naming))).flat();
    return scopes.some((scope) => scope.org === "" || (scope.org === org && ["", project].includes(scope.project)));
  }
}

async function readable<T>(read: () => Promise<T> | T): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw new Fault("STORE_UNAVAILABLE", "permissions can't be read at the moment; try again", { cause });
  }
}
