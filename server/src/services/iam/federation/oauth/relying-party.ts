// Us as the client of an org's identity provider: authorization code with PKCE, state, nonce and a redirect URI of each provider's own
// (RFC 9700, section 4.4: an answer of one provider is never taken for another's).
import { fromBinary } from "@bufbuild/protobuf";
import { type IdentityProvider, IdentityProviderSchema } from "@photoncloud/proto/gen/iam/v1/identity_provider_pb";
import type { JWTPayload } from "jose";
import * as oidc from "openid-client";
import { Fault } from "../../../../fault.ts";
import type { ResourceKey, Store } from "../../../../store/store.ts";
import { secretName } from "../../identity-provider/kind.ts";
import type { Sealing } from "../../tokens/sealing.ts";
import type { Issuers } from "../issuers.ts";
import type { OutsideFetch } from "../outside.ts";
import { OAuthError } from "./error.ts";

/** Clocks differ by so much. Seconds. */
const toleranceSeconds = 30;

export interface RelyingPartyParts {
  readonly store: Pick<Store, "get">;
  readonly sealing: Sealing;
  readonly issuers: Issuers;
  readonly fetch: OutsideFetch;
  readonly endpoint: () => string;
}

/** A provider that people can log in with now. */
export interface Usable {
  readonly key: ResourceKey;
  readonly message: IdentityProvider;
  readonly secret: Uint8Array;
}

export interface Secrets {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

export class RelyingParty {
  readonly #parts: RelyingPartyParts;

  constructor(parts: RelyingPartyParts) {
    this.#parts = parts;
  }

  /** @throws OAuthError in the same words for a provider that is missing, disabled or another org's. */
  async find(org: string, id: string): Promise<Usable> {
    const key = { tenant: { org, project: "" }, kind: IdentityProviderSchema.typeName, id };
    const row = org === "" || id === "" ? undefined : await this.#parts.store.get(key);
    const message = row && fromBinary(IdentityProviderSchema, row.data);
    if (row?.phase !== "live" || message === undefined || message.disabled === true)
      throw new OAuthError("invalid_request", "there is no such identity provider in that org");
    return { key, message, secret: row.secret };
  }

  /** Where a browser goes. */
  async begin(provider: Usable, { state, nonce, verifier }: Secrets): Promise<URL> {
    const client = await this.#client(provider);
    const { scopes } = provider.message;
    return oidc.buildAuthorizationUrl(client, {
      redirect_uri: this.#redirectUri(provider),
      scope: [...new Set(["openid", ...(scopes.length === 0 ? ["email", "profile"] : scopes)])].join(" "),
      state,
      nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
    });
  }

  /** What the provider says of who came back. @throws OAuthError access_denied where it, or what it says, does not hold. */
  async finish(provider: Usable, query: string, { state, nonce, verifier }: Secrets): Promise<JWTPayload> {
    const client = await this.#client(provider);
    const url = new URL(`${this.#redirectUri(provider)}${query}`);
    const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true };
    try {
      const tokens = await oidc.authorizationCodeGrant(client, url, checks);
      const claims: JWTPayload | undefined = tokens.claims();
      if (claims?.sub === undefined) throw new Error("the ID token says nothing");
      return { ...(await this.#more(client, provider, tokens.access_token, claims)), ...claims };
    } catch (cause) {
      if (cause instanceof Fault) throw cause;
      throw new OAuthError("access_denied", "the identity provider refused the login, or its answer does not hold");
    }
  }

  /** Some providers tell an e-mail address and groups only by userinfo (OpenID Connect Core 1.0, section 5.4). */
  async #more(client: oidc.Configuration, { message }: Usable, token: string, claims: JWTPayload): Promise<JWTPayload> {
    const wanted = [message.usernameClaim ?? "email", ...message.groupRules.map(({ claim }) => claim)];
    const lacks = wanted.some((name) => claims[name] === undefined);
    if (!lacks || client.serverMetadata().userinfo_endpoint === undefined) return {};
    return { ...(await oidc.fetchUserInfo(client, token, claims.sub ?? oidc.skipSubjectCheck)) };
  }

  #redirectUri({ key }: Usable): string {
    return `${this.#parts.endpoint()}/oauth2/callback/${key.tenant.org}/${key.id}`;
  }

  async #client(provider: Usable): Promise<oidc.Configuration> {
    const { metadata } = await this.#parts.issuers.get(provider.message.issuer);
    const secret = this.#secretOf(provider);
    const authentication = secret === undefined ? oidc.None() : oidc.ClientSecretPost(secret);
    const client = new oidc.Configuration(
      metadata,
      provider.message.clientId,
      {},
      wayOf(metadata, secret) ?? authentication,
    );
    client[oidc.customFetch] = this.#parts.fetch;
    client.timeout = 10;
    // http is refused by the fetch itself, but for the loopback where the operator allows it.
    oidc.allowInsecureRequests(client);
    oidc.enableNonRepudiationChecks(client);
    Reflect.set(client, oidc.clockTolerance, toleranceSeconds);
    return client;
  }

  #secretOf({ key, secret }: Usable): string | undefined {
    if (secret.length === 0) return undefined;
    return new TextDecoder().decode(this.#parts.sealing.open(secret, secretName(key.tenant.org, key.id)));
  }
}

/** Basic authentication where the provider takes nothing else. */
function wayOf(metadata: oidc.ServerMetadata, secret: string | undefined): oidc.ClientAuth | undefined {
  const ways = metadata.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
  const basic = secret !== undefined && !ways.includes("client_secret_post");
  return basic ? oidc.ClientSecretBasic(secret) : undefined;
}
