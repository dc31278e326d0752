// Logins that failed, in the log of the org that was tried, where there is one; else in the system's.
import { OrgSchema } from "@photoncloud/proto/gen/iam/v1/org_pb";
import type { NewEvent, Store } from "../../../store/store.ts";
import { Tally, type TallyOptions } from "../../events/tally.ts";
import type { Caller } from "../../kind.ts";
import { type Identity, parsePrincipalName, principalName } from "../principal-name.ts";
import type { Attempt } from "./login-limiter.ts";
import { sessionEvent } from "./session-life.ts";
import { networkOf } from "./source-network.ts";

/** What may stand in an event as a tried principal's id; anything else was no id. */
const idShape = /^[a-z0-9-]{1,63}$/;

type Tried = "password" | "key" | "oidc" | "exchange" | "";

async function failedLogin(
  store: Store,
  identity: Identity,
  caller: Caller,
  { tried, decidedBy }: { readonly tried: Tried; readonly decidedBy: string },
): Promise<NewEvent> {
  const org = await store.get({ tenant: { org: "", project: "" }, kind: OrgSchema.typeName, id: identity.org });
  const id = idShape.test(identity.id) ? identity.id : "";
  const known = { ...identity, id, org: org === undefined ? "" : identity.org };
  const author = { ...caller, actor: principalName(known), sessionId: "", credential: tried, decidedBy };
  return sessionEvent("login_failed", known, "", author);
}

export async function noteFailedLogin(store: Store, identity: Identity, caller: Caller, tried: Tried): Promise<void> {
  const event = await failedLogin(store, identity, caller, { tried, decidedBy: "credential" });
  await store.transact(async (tx) => tx.append(event));
}

/** Logins that are refused unseen, since too many failed before: they cost nobody anything, and so must not fill the log either. */
export class RefusedLogins {
  readonly #store: Store;
  readonly #tally: Tally<NewEvent>;

  constructor(store: Store, options: Pick<TallyOptions<NewEvent>, "clock" | "failed">) {
    this.#store = store;
    this.#tally = new Tally({ ...options, write: (event) => store.transact(async (tx) => tx.append(event)) });
  }

  /** @param about Who was tried, as the limiter counts it: "user:acme/ada", "user:acme/ada factor", "device-code". */
  async note(from: Attempt, about: string): Promise<void> {
    const [name = ""] = about.split(" ");
    const identity = parsePrincipalName(name) ?? ({ kind: "user", org: "", id: "" } as const);
    const event = await failedLogin(this.#store, identity, { ...from, principal: undefined }, refusedUnseen);
    await this.#tally.note(`${name} ${networkOf(from.sourceIp)}`, event);
  }

  stop(): Promise<void> {
    return this.#tally.stop();
  }
}

const refusedUnseen = { tried: "", decidedBy: "rate_limit" } as const;
