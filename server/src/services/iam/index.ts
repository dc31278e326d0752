// IAM: who is it, and may they. Everything else of the server sees the authenticator, the authorizer and the kinds that are made here.
import { randomBytes } from "node:crypto";
import type { Catalog } from "@photoncloud/proto";
import { BreakGlassSchema } from "@photoncloud/proto/gen/iam/v1/break_glass_pb";
import { FederatedCredentialSchema } from "@photoncloud/proto/gen/iam/v1/federated_credential_pb";
import { IdentityProviderSchema } from "@photoncloud/proto/gen/iam/v1/identity_provider_pb";
import { ServiceAccountKeySchema } from "@photoncloud/proto/gen/iam/v1/service_account_key_pb";
import type { Clock } from "../../clock.ts";
import type { Store } from "../../store/store.ts";
import type { Authenticator, Authorizer, ResourceCalls, ServiceHandlers } from "../call.ts";
import type { KindDefinition, Principal } from "../kind.ts";
import { firstOf, type WebHandler } from "../web.ts";
import { type AccountsParts, accountHandlers, accountKinds, createFactors, provePerson } from "./account/index.ts";
import { accountRules } from "./account/policy.ts";
import { announced, type Heralds } from "./announced.ts";
import { authzService } from "./authz-service/index.ts";
import { type BootstrapParts, type Bootstrapped, bootstrap } from "./bootstrap.ts";
import { type Alarm, breakGlassNews } from "./break-glass/alarm.ts";
import { Resealing } from "./break-glass/resealing.ts";
import { federatedCredentialKind } from "./federated-credential/kind.ts";
import { createFederation } from "./federation/index.ts";
import type { FederationTerms } from "./federation/terms.ts";
import { groupKind } from "./group/kind.ts";
import { guardrailKind } from "./guardrail/kind.ts";
import { identityProviderKind } from "./identity-provider/kind.ts";
import { heed } from "./news.ts";
import { orgKind } from "./org/kind.ts";
import { createAccessPlans } from "./policy/access-plans.ts";
import { createAuthorizer } from "./policy/authorizer.ts";
import { createDelegation } from "./policy/delegation.ts";
import { Follower } from "./policy/follower.ts";
import { FreshPolicies } from "./policy/policies.ts";
import { ScopeIndex } from "./policy/scope-index.ts";
import { policyKinds } from "./policy/scope-table.ts";
import { Uses } from "./policy/uses.ts";
import type { PolicyWrites } from "./policy-writes.ts";
import { projectKind } from "./project/kind.ts";
import { createRoleHistory, type RoleHistory } from "./role/history.ts";
import { roleKind } from "./role/kind.ts";
import { roleBindingKind } from "./role-binding/kind.ts";
import { Filling } from "./scim/filling.ts";
import { createScim } from "./scim/index.ts";
import { KeyLogins } from "./scim/key-login.ts";
import { serviceAccountKind } from "./service-account/kind.ts";
import { serviceAccountKeyKind } from "./service-account-key/kind.ts";
import { createAccessTokens } from "./tokens/access-token.ts";
import { createAuthenticator } from "./tokens/authenticator.ts";
import { RefusedLogins } from "./tokens/failed-login.ts";
import { Login } from "./tokens/login.ts";
import { createLoginLimiter } from "./tokens/login-limiter.ts";
import { sealPlainValues } from "./tokens/plain-values.ts";
import { createSealing, type Sealing } from "./tokens/sealing.ts";
import { SessionLife, sessionKind } from "./tokens/session-life.ts";
import { Sessions } from "./tokens/sessions.ts";
import { SigningKeys } from "./tokens/signing-keys.ts";
import { tokenService } from "./tokens/token-service.ts";
import { userKind } from "./user/kind.ts";

export interface IamOptions {
  readonly store: Store;
  readonly catalog: Catalog;
  readonly clock: Clock;
  /** Cryptographically random bytes; default: the system's. */
  readonly random?: (bytes: number) => Uint8Array;
  /** The `iss` of tokens: the cloud's address as its users know it, for example "https://cloud.example:50080". */
  readonly issuer: string;
  /** The `aud` of tokens; default: the issuer. */
  readonly audience?: string;
  /** 32 bytes that the private signing keys are encrypted with in the store; left out: whoever reads the database can sign tokens. */
  readonly masterKey?: Uint8Array | undefined;
  /** The cloud's address as its users know it at the moment, where discovery answers; default: the issuer. */
  readonly endpoint?: () => string;
  /** Default: only issuers on the public internet. */
  readonly federation?: FederationTerms;
  /** Told what becomes of a break-glass. */
  readonly onAlarm?: Alarm;
  /** Told when the log can't be followed: permissions are refused until it can. */
  readonly onFailure?: (error: unknown) => void;
}

export interface Iam {
  readonly kinds: readonly KindDefinition[];
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly handlers: readonly ServiceHandlers[];
  /** The public signing keys (RFC 7517 section 5). */
  jwks(): Promise<{ readonly keys: readonly Record<string, unknown>[] }>;
  /** What is no RPC: OAuth, OpenID Connect, SCIM. */
  web(resources: ResourceCalls): WebHandler;
  /** Seeds the built-in roles and, at the very first start, makes the first administrator. */
  bootstrap(
    options: Pick<BootstrapParts, "password" | "announce"> & { readonly resources: ResourceCalls },
  ): Promise<Bootstrapped>;
  /** Begins to follow the log, so that changes made elsewhere are known within seconds. Without it, each check looks for itself. */
  start(): void;
  stop(): Promise<void>;
}

export function createIam(options: IamOptions): Iam {
  const { store, catalog, clock, issuer, audience = issuer, random = randomBytes } = options;
  const terms = options.federation ?? { privateIssuers: false };
  const index = new ScopeIndex(store, clock);
  const sessions = new Sessions(store, clock);
  const follower = new Follower({
    store,
    clock,
    kinds: [BreakGlassSchema, ServiceAccountKeySchema, IdentityProviderSchema, FederatedCredentialSchema]
      .map((schema): string => schema.typeName)
      .concat(sessionKind, policyKinds),
    onEvent: breakGlassNews(sessions, options.onAlarm, heed(index, sessions)),
    ...(options.onFailure && { onFailure: options.onFailure }),
  });
  const policies = new FreshPolicies(index, store, follower);
  const uses = new Uses(store.records, clock);
  const authorizer = createAuthorizer(policies, clock, uses);
  const delegation = createDelegation(store, policies);
  const sealing = createSealing(options.masterKey);
  const keys = new SigningKeys(store.records, sealing, clock);
  const accessTokens = createAccessTokens(keys, { issuer, audience, clock });
  const endpoint = options.endpoint ?? (() => issuer);
  const factors = createFactors({ store, sealing, clock, random, endpoint });
  const mostSessions = async (org: string) => (await accountRules(store, org)).maxSessions;
  const life = new SessionLife({ store, clock, random, sessions, accessTokens, mostSessions });
  const failed = (error: unknown) => options.onFailure?.(error);
  const refused = new RefusedLogins(store, { clock, failed });
  const resealing = new Resealing({ store, clock, failed });
  const limiter = createLoginLimiter(store.records, clock, (...attempt) => refused.note(...attempt));
  const login = new Login({ store, clock, limiter, authorizer, delegation, factors });
  const provesPerson = (caller: Principal) => provePerson({ store, clock, sessions, factors }, caller);
  const directories = new KeyLogins({ clock, login, life });
  const tokens = tokenService({ store, clock, login, life, sessions, accessTokens, provePerson: provesPerson });
  let calls: ResourceCalls | undefined;
  const resources = () => calls ?? unbound();
  const filling = new Filling({ store, resources, failed });
  const accounts = {
    store,
    catalog,
    clock,
    login,
    limiter,
    life,
    sessions,
    factors,
    delegation,
    authorizer,
    resources,
  };
  const own = [issuer, audience];
  const federation = createFederation({
    store,
    clock,
    random,
    terms,
    life,
    login,
    factors,
    limiter,
    keys,
    sealing,
    endpoint,
    own,
  });
  const writes: PolicyWrites = { access: createAccessPlans(store, policies, catalog), delegation };
  const heralds: Heralds = {
    grant: (key, expected) => index.touch(key, expected),
    principal: (identity) => sessions.touch(identity),
  };
  let unhear: (() => void) | undefined;
  return {
    kinds: kindsOf(writes, createRoleHistory(store), sealing, terms, accounts).map((kind) => announced(kind, heralds)),
    authenticator: createAuthenticator(accessTokens, sessions, follower),
    authorizer,
    handlers: [
      { ...tokens, methods: { ...tokens.methods, ...federation.methods } },
      authzService({ authorizer, policies, uses, catalog, clock }),
      ...accountHandlers(accounts),
    ],
    jwks: async () => ({ keys: (await keys.published()).map((key) => ({ ...key })) }),
    web: (resources) =>
      firstOf([
        federation.oauth(resources),
        createScim({ resources, random, endpoint, store, keys: directories, isFilled: filling.isFilled }),
      ]),
    async bootstrap(given) {
      calls = given.resources;
      await sealPlainValues({ store, sealing, resources: given.resources });
      const bootstrapped = await bootstrap({ ...given, store, catalog, clock, random });
      if (bootstrapped.created) await filling.note();
      else filling.start();
      return bootstrapped;
    },
    start() {
      unhear ??= store.onCommit(() => index.committed());
      follower.start();
      uses.start(options.onFailure);
      resealing.start();
    },
    async stop() {
      unhear?.();
      unhear = undefined;
      await follower.stop();
      await uses.stop();
      await Promise.all([refused.stop(), resealing.stop(), filling.stop()]);
    },
  };
}

function unbound(): never {
  throw new Error("IAM was not given the handler of resources yet: bootstrap it first");
}

function kindsOf(
  writes: PolicyWrites,
  history: RoleHistory,
  sealing: Sealing,
  terms: FederationTerms,
  accounts: AccountsParts,
): readonly KindDefinition[] {
  return [
    orgKind,
    projectKind,
    userKind(writes),
    serviceAccountKind(writes),
    serviceAccountKeyKind(writes),
    roleKind(writes, history),
    roleBindingKind(writes),
    groupKind(writes),
    guardrailKind(writes),
    identityProviderKind(writes, sealing, terms),
    federatedCredentialKind(writes, terms),
    ...accountKinds(writes, accounts),
  ];
}
