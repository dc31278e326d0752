// Trust in other issuers, put together: logins by identity providers, exchanges of other issuers' tokens, and tokens for other systems.
import type { Clock } from "../../../clock.ts";
import type { Store } from "../../../store/store.ts";
import type { ResourceCalls, ServiceHandlers } from "../../call.ts";
import type { WebHandler } from "../../web.ts";
import type { Factors } from "../account/factors.ts";
import type { Login } from "../tokens/login.ts";
import type { Sealing } from "../tokens/sealing.ts";
import type { SessionLife } from "../tokens/session-life.ts";
import type { SigningKeys } from "../tokens/signing-keys.ts";
import type { Attempts } from "./attempts.ts";
import { Exchange } from "./exchange.ts";
import { Issuers } from "./issuers.ts";
import { createOAuth } from "./oauth/index.ts";
import { createOutsideFetch } from "./outside.ts";
import type { FederationTerms } from "./terms.ts";
import { federationMethods } from "./token-methods.ts";

export interface FederationParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  readonly terms: FederationTerms;
  readonly life: SessionLife;
  readonly login: Login;
  readonly factors: Factors;
  readonly limiter: Attempts;
  readonly keys: SigningKeys;
  readonly sealing: Sealing;
  /** The address of the cloud as its users know it. */
  readonly endpoint: () => string;
  /** The audience of access tokens, and their issuer. */
  readonly own: readonly string[];
}

export interface Federation {
  /** Of iam.v1.IamTokenService. */
  readonly methods: ServiceHandlers["methods"];
  /** OAuth and OpenID Connect over plain HTTP. */
  oauth(resources: ResourceCalls): WebHandler;
}

export function createFederation(parts: FederationParts): Federation {
  const { store, clock, life, limiter, terms } = parts;
  const fetch = createOutsideFetch(terms);
  const issuers = new Issuers(fetch, clock);
  const exchange = new Exchange({ store, clock, issuers, life, limiter });
  return {
    methods: federationMethods(exchange, parts),
    oauth: (resources) => createOAuth({ ...parts, fetch, issuers, exchange, resources }),
  };
}
