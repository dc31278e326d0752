// For tests: a cloud whose orgs have a real OpenID provider, and the command line's part of a login by it.
import { createHash, randomBytes } from "node:crypto";
import { type Clock, systemClock } from "../../../../clock.ts";
import type { Store } from "../../../../store/store.ts";
import type { WebHandler } from "../../../web.ts";
import { issuer as cloud, openWorld, type World } from "../../testing/world.ts";
import { cliClient } from "../oauth/client.ts";
import { grantTypes } from "../oauth/token-endpoint.ts";
import { askWeb, Browser, linkOf, type Shown } from "./browser.ts";
import { clientId, clientSecret, openProvider, type Person, type TestProvider } from "./provider.ts";

export const admin = "user:system/admin";
export const alice: Person = { sub: "person-1", email: "alice@acme.example", email_verified: true };
const redirectUri = "http://127.0.0.1:7777/callback";

/** A login that a command has begun. */
export interface Begun {
  readonly browser: Browser;
  readonly verifier: string;
  readonly url: string;
}

/** A clock that can be put forward. */
class AheadClock implements Clock {
  #aheadMs = 0;
  readonly sleep = systemClock.sleep;

  now(): number {
    return systemClock.now() + this.#aheadMs;
  }

  advance(ms: number): void {
    this.#aheadMs += ms;
  }
}

export class ProviderLogins {
  readonly world: World;
  readonly provider: TestProvider;
  readonly web: WebHandler;
  readonly #clock: AheadClock;

  constructor(world: World, provider: TestProvider, clock: AheadClock) {
    this.world = world;
    this.provider = provider;
    this.web = world.iam.web(world.resources);
    this.#clock = clock;
  }

  wait(ms: number): void {
    this.#clock.advance(ms);
  }

  begin(providerId = "corp", more: Record<string, string> = {}, org = "acme"): Begun {
    const verifier = randomBytes(32).toString("base64url");
    const query = new URLSearchParams({
      response_type: "code",
      client_id: cliClient,
      redirect_uri: redirectUri,
      state: "the-command's-state",
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      code_challenge_method: "S256",
      org_id: org,
      provider_id: providerId,
      ...more,
    });
    return { browser: new Browser(cloud, this.web), verifier, url: `${cloud}/oauth2/authorize?${query}` };
  }

  async post(path: string, form: Record<string, string>) {
    const answer = await askWeb(this.web, `${cloud}${path}`, { form });
    const body: Record<string, unknown> = JSON.parse(answer.body);
    return { status: answer.status, headers: answer.headers, body };
  }

  exchangeCode(shown: Shown, verifier: string, more: Record<string, string> = {}) {
    const code = new URL(linkOf(shown)).searchParams.get("code") ?? "";
    const client = { client_id: cliClient, redirect_uri: redirectUri };
    return this.post("/oauth2/token", {
      grant_type: grantTypes.code,
      ...client,
      code,
      code_verifier: verifier,
      ...more,
    });
  }

  /** Logs a person in beside the command. */
  async logIn(person: Person, providerId = "corp", more: Record<string, string> = {}) {
    this.provider.person = person;
    const { browser, verifier, url } = this.begin(providerId, more);
    const shown = await browser.open(url);
    const answer = shown.status === 200 ? await this.exchangeCode(shown, verifier) : undefined;
    return { shown, browser, verifier, answer };
  }

  async principalOf(answer: { readonly body: Record<string, unknown> } | undefined) {
    return this.world.iam.authenticator.authenticate(String(answer?.body.access_token));
  }

  async close(): Promise<void> {
    await this.world.close();
    await this.provider.close();
  }
}

/** acme has the providers corp, strict (which makes no users) and second; rival has corp. */
export async function openProviderLogins(openStore: (clock: Clock) => Promise<Store>): Promise<ProviderLogins> {
  const provider = await openProvider([
    ...["corp", "strict", "second"].map((id) => `${cloud}/oauth2/callback/acme/${id}`),
    `${cloud}/oauth2/callback/rival/corp`,
  ]);
  const clock = new AheadClock();
  const terms = { federation: { privateIssuers: true }, masterKey: randomBytes(32) };
  const world = await openWorld({ clock, store: await openStore(clock), ...terms });
  await world.create(admin, "group", { orgId: "acme", id: "operators" });
  const acme = { issuer: provider.issuer, clientId, clientSecret, orgId: "acme" };
  const groupRules = [{ claim: "groups", value: "cloud-*", groupIds: ["operators"] }];
  for (const one of [
    { ...acme, id: "corp", createUsers: true, groupRules },
    { ...acme, id: "strict", allowedEmailDomains: ["acme.example"] },
    { ...acme, id: "second", createUsers: true },
    { ...acme, orgId: "rival", id: "corp" },
  ])
    await world.create(admin, "identity_provider", one);
  return new ProviderLogins(world, provider, clock);
}
