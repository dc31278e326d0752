// For tests: a real OpenID provider on the loopback. It logs in whoever `person` says without asking, and gives a pipeline its identity tokens.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import Provider, { type Configuration } from "oidc-provider";

/** Someone whom the provider knows. */
export interface Person {
  readonly sub: string;
  readonly email: string;
  readonly email_verified?: boolean;
  readonly groups?: readonly string[];
}

export const clientId = "photoncloud";
export const clientSecret = "canary-the-client-secret-of-the-provider";
/** The pipeline's own name is the `sub` of its tokens. */
export const pipeline = "repo:acme/web:ref:refs/heads/main";
/** How its runner proves to the platform which pipeline it is. */
export const pipelineSecret = "canary-the-secret-of-the-pipelines-runner";

export interface TestProvider {
  readonly issuer: string;
  /** Who is in front of the browser. */
  person: Person;
  /** Requests that came, by path. */
  readonly seen: Map<string, number>;
  /** Answers nothing from now on, or again. */
  hangs: boolean;
  /** A signed identity token of the pipeline for an audience. */
  pipelineToken(audience: string): Promise<string>;
  close(): Promise<void>;
}

function configuration(redirectUris: readonly string[], current: () => Person): Configuration {
  return {
    clients: [
      { client_id: clientId, client_secret: clientSecret, redirect_uris: [...redirectUris] },
      {
        client_id: pipeline,
        client_secret: pipelineSecret,
        token_endpoint_auth_method: "client_secret_post",
        grant_types: ["client_credentials"],
        response_types: [],
        redirect_uris: [],
      },
    ],
    claims: { openid: ["sub", "groups"], email: ["email", "email_verified"], profile: ["name"] },
    conformIdTokenClaims: false,
    cookies: { keys: ["a key of the test's own"] },
    ttl: { AccessToken: 300, ClientCredentials: 300, Grant: 600, IdToken: 300, Interaction: 600, Session: 600 },
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx, resource) => ({
          scope: "",
          audience: resource,
          accessTokenFormat: "jwt",
          accessTokenTTL: 300,
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    findAccount: (_ctx, accountId) => ({ accountId, claims: () => ({ ...current(), sub: accountId }) }),
    async loadExistingGrant(ctx) {
      const { client, session, provider } = ctx.oidc;
      const grant = new provider.Grant({ clientId: client?.clientId ?? "", accountId: session?.accountId ?? "" });
      grant.addOIDCScope("openid email profile");
      await grant.save();
      return grant;
    },
  };
}

/** @param redirectUris Where the provider may send a browser back to. */
export async function openProvider(redirectUris: readonly string[], port = 0): Promise<TestProvider> {
  let handle: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
  const server = createServer((request, response) => handle(request, response));
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const issuer = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  const seen = new Map<string, number>();
  const self: TestProvider = {
    issuer,
    seen,
    person: { sub: "1", email: "alice@acme.example", email_verified: true },
    hangs: false,
    pipelineToken: (audience) => pipelineToken(issuer, audience),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  const provider = quietly(
    () =>
      new Provider(
        issuer,
        configuration(redirectUris, () => self.person),
      ),
  );
  const callback = provider.callback();
  const logIn = async (request: IncomingMessage, response: ServerResponse) =>
    provider.interactionFinished(request, response, { login: { accountId: self.person.sub } });
  handle = (request, response) => {
    const path = (request.url ?? "").split("?", 1)[0] ?? "";
    seen.set(path, (seen.get(path) ?? 0) + 1);
    if (self.hangs) return;
    void (path.startsWith("/interaction/") ? logIn(request, response) : callback(request, response));
  };
  return self;
}

async function pipelineToken(issuer: string, audience: string): Promise<string> {
  const body = new URLSearchParams({
    grant_type: "client_credentials",
    client_id: pipeline,
    client_secret: pipelineSecret,
    resource: audience,
  });
  const answer = await fetch(`${issuer}/token`, { method: "POST", body });
  const token: unknown = await answer.json();
  if (typeof token === "object" && token !== null && "access_token" in token) return String(token.access_token);
  throw new Error(`the provider gives no token: ${JSON.stringify(token)}`);
}

/** The provider warns of what a test is right to leave out: a database, keys of its own. */
function quietly<T>(make: () => T): T {
  const { warn, info } = console;
  console.warn = console.info = () => undefined;
  try {
    return make();
  } finally {
    Object.assign(console, { warn, info });
  }
}
