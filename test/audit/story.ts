// Everything that leaves a trace or holds a secret, done once over HTTP: each step with a request id of its own and the event that it must leave,
// and every secret that was sent or answered on the way.
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import {
  clientId,
  clientSecret,
  pipeline,
  pipelineSecret,
  type TestProvider,
} from "../../server/src/services/iam/federation/testing/provider.ts";
import { twoCodes } from "../../server/src/services/iam/testing/accounts.ts";
import { type Answer, call, isJson, type Json } from "../isolation/calls.ts";

export const org = "acme";
export const project = "alpha";
export const rivalOrg = "rival";
/** What a machine is told at its first boot; its tenant may read it, and nobody else. */
export const userData = "#cloud-config canary-user-data";

const token = "iam.v1.IamTokenService";
const account = "iam.v1.IamAccountService";
const vpcs = "prismnet.v1.VpcService";

/** A step whose event is looked for. */
export interface Step {
  readonly requestId: string;
  /** In whose log it stands: the org's, its project's or the system's. */
  readonly log: "org" | "project" | "system";
  /** Fields of the event, as JSON says them; texts that begin with ~ are patterns. */
  readonly event: Json;
}

type Expected = Omit<Step, "requestId">;

const of = (log: Step["log"], type: string, event: Json): Expected => {
  const denied = ["DENIED", "LOGIN_FAILED"].includes(type);
  const decision = `EVENT_DECISION_${denied ? "DENIED" : "ALLOWED"}`;
  return { log, event: { type: `EVENT_TYPE_${type}`, decision, sourceIp: "127.0.0.1", ...event } };
};

export class Story {
  readonly steps: Step[] = [];
  readonly secrets = new Map<string, string>();
  /** Every answer that was no success. */
  readonly errors: string[] = [];
  /** Tokens of the org's administrator, the project's, and another org's administrator. */
  readonly readers = { org: "", project: "", rival: "" };
  readonly #url: string;
  readonly #admin: string;
  readonly #provider: TestProvider;
  #count = 0;

  constructor(url: string, admin: string, provider: TestProvider) {
    this.#url = url;
    this.#admin = admin;
    this.#provider = provider;
  }

  async #call(method: string, body: Json, bearer = this.#admin, expected?: Expected): Promise<Answer> {
    this.#count += 1;
    const requestId = `story-${this.#count}-${method.slice(method.lastIndexOf("/") + 1)}`;
    const answer = await call(this.#url, method, body, bearer, { "x-request-id": requestId });
    if (answer.code !== "ok") this.errors.push(answer.text);
    if (expected !== undefined) this.steps.push({ ...expected, requestId, event: { method, ...expected.event } });
    return answer;
  }

  /** Calls what must succeed. */
  async #must(method: string, body: Json, bearer?: string, expected?: Expected): Promise<Json> {
    const answer = await this.#call(method, body, bearer, expected);
    if (answer.code !== "ok") throw new Error(`${method} answered ${answer.text}`);
    return answer.body;
  }

  /** Calls what must not. */
  async #refused(code: string, method: string, body: Json, bearer: string, expected: Expected): Promise<void> {
    const answer = await this.#call(method, body, bearer, expected);
    if (answer.code !== code) throw new Error(`${method} answered ${answer.text} in the place of ${code}`);
  }

  #keep(name: string, secret: unknown): string {
    this.secrets.set(`${name} ${this.secrets.size}`, String(secret));
    return String(secret);
  }

  /** What a login answers, each with its secrets: of an access token its signature. */
  #tokens(answer: Json): string {
    const { token: access, refreshToken } = answer;
    this.#keep("access token", String(access).split(".")[2]);
    if (refreshToken !== undefined) this.#keep("refresh token", String(refreshToken).split(".").at(-1));
    return String(access);
  }

  async #login(orgId: string, id: string, password: string, more: Json = {}, expected?: Expected): Promise<string> {
    return this.#tokens(await this.#enter({ org_id: orgId, principal_id: id, password, ...more }, expected));
  }

  #enter(body: Json, expected?: Expected): Promise<Json> {
    return this.#must(`${token}/IssueToken`, body, "", expected);
  }

  async #user(orgId: string, id: string, role = "", at: Json = {}): Promise<string> {
    const password = this.#keep("password", `canary-password-of-${id}`);
    await this.#must("iam.v1.UserService/CreateUser", { org_id: orgId, id, password });
    const binding = { org_id: orgId, ...at, principal: `user:${orgId}/${id}`, role_id: role };
    if (role !== "") await this.#must("iam.v1.RoleBindingService/CreateRoleBinding", bound(binding));
    return password;
  }

  async tell(): Promise<void> {
    for (const id of [org, rivalOrg]) await this.#must("iam.v1.OrgService/CreateOrg", { id });
    await this.#must("iam.v1.ProjectService/CreateProject", { org_id: org, id: project });
    const password = await this.#user(org, "ada", "OrgAdmin");
    const login = { actor: "user:acme/ada", credential: "password", sessionId: "~^session-" };
    this.readers.org = await this.#login(org, "ada", password, {}, of("org", "LOGIN", login));
    this.readers.project = await this.#login(
      org,
      "pia",
      await this.#user(org, "pia", "ProjectAdmin", { project_id: project }),
    );
    this.readers.rival = await this.#login(rivalOrg, "rex", await this.#user(rivalOrg, "rex", "OrgAdmin"));
    await this.#changes();
    await this.#denials();
    await this.#directory();
    await this.#batch();
    await this.#logins(password);
    await this.#secondFactor();
    await this.#keys();
    await this.#invitation();
    await this.#exchange();
    await this.#machine();
    await this.#glass();
    await this.#sessions();
  }

  /** A resource of a project: made, changed, removed. */
  async #changes(): Promise<void> {
    const by = { actor: "user:acme/ada", credential: "password", sessionId: "~^session-", projectId: project };
    const decided = { ...by, kind: "prismnet.v1.Vpc", decidedBy: "~^role_binding:." };
    const at = { org_id: org, project_id: project };
    const create = { ...at, name: "main", cidr: "10.0.0.0/16" };
    const { id } = await this.#must(`${vpcs}/CreateVpc`, create, this.readers.org, of("project", "CREATED", decided));
    const change = { ...at, id, vpc: { name: "other" }, update_mask: "name" };
    await this.#must(`${vpcs}/UpdateVpc`, change, this.readers.org, of("project", "UPDATED", decided));
    await this.#must(`${vpcs}/DeleteVpc`, { ...at, id }, this.readers.org, of("project", "DELETING", decided));
  }

  async #denials(): Promise<void> {
    const at = { org_id: org, project_id: project };
    const eve = await this.#login(org, "eve", await this.#user(org, "eve"));
    const nothing = of("project", "DENIED", {
      actor: "user:acme/eve",
      credential: "password",
      sessionId: "~^session-",
      permission: "network:vpcs:create",
      decidedBy: "nothing",
      projectId: project,
    });
    const vpc = { ...at, name: "x", cidr: "10.0.0.0/16" };
    await this.#refused("permission_denied", `${vpcs}/CreateVpc`, vpc, eve, nothing);
    const deny = { statements: [{ action: "network:vpcs:create" }] };
    const guardrail = { org_id: org, id: "no-networks", name: "no-networks", ...deny };
    const { id } = await this.#must("iam.v1.GuardrailService/CreateGuardrail", guardrail);
    const guarded = of("project", "DENIED", { actor: "user:acme/ada", decidedBy: `guardrail:${String(id)}` });
    await this.#refused("permission_denied", `${vpcs}/CreateVpc`, vpc, this.readers.org, guarded);
    await this.#must("iam.v1.GuardrailService/DeleteGuardrail", { org_id: org, id });
    // Nobody gives what they do not hold.
    const gift = bound({ ...at, principal: "user:acme/eve", role_id: "OrgAdmin" });
    const keeper = { actor: "user:acme/gus", decidedBy: "delegation", kind: "iam.v1.RoleBinding" };
    const permissions = [{ action: "iam:role_bindings:*" }];
    const role = { org_id: org, id: "Binder", name: "Binder", permissions };
    const made = await this.#must("iam.v1.RoleService/CreateRole", role);
    const gus = await this.#login(org, "gus", await this.#user(org, "gus", String(made.id)));
    const method = "iam.v1.RoleBindingService/CreateRoleBinding";
    await this.#refused("permission_denied", method, gift, gus, of("project", "DENIED", keeper));
  }

  /** What a directory does is done as by anybody. */
  async #directory(): Promise<void> {
    await this.#must("iam.v1.GroupService/CreateGroup", { org_id: org, id: "bosses" });
    const binding = bound({ org_id: org, principal: "group:acme/bosses", role_id: "OrgAdmin" });
    await this.#must("iam.v1.RoleBindingService/CreateRoleBinding", binding);
    const permissions = [{ action: "iam:groups:*" }];
    await this.#must("iam.v1.RoleService/CreateRole", { org_id: org, id: "Grouper", name: "Grouper", permissions });
    const gil = await this.#login(org, "gil", await this.#user(org, "gil", "Grouper"));
    const schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
    const body = { schemas, Operations: [{ op: "add", path: "members", value: [{ value: "eve" }] }] };
    const refused = of("org", "DENIED", {
      method: "iam.v1.GroupService/UpdateGroup",
      actor: "user:acme/gil",
      credential: "password",
      kind: "iam.v1.Group",
      resourceId: "bosses",
      decidedBy: "delegation",
    });
    const requestId = "story-scim";
    const answer = await fetch(`${this.#url}/scim/v2/${org}/Groups/bosses`, {
      method: "PATCH",
      headers: { "content-type": "application/scim+json", authorization: `Bearer ${gil}`, "x-request-id": requestId },
      body: JSON.stringify(body),
    });
    if (answer.status !== 403) throw new Error(`the directory's call answered ${answer.status}`);
    this.errors.push(await answer.text());
    this.steps.push({ ...refused, requestId });
  }

  /** Secrets of calls that come together: of one that is taken, and of one that is refused. */
  async #batch(): Promise<void> {
    const path = "/iam.v1.UserService/CreateUser";
    const one = (id: string) => ({
      path,
      headers: { "x-request-id": `story-batched-${id}` },
      body: { org_id: org, id, password: this.#keep("password", `canary-batched-password-of-${id}`) },
    });
    const headers = { authorization: `Bearer ${this.readers.org}`, "content-type": "application/json" };
    const body = JSON.stringify({ calls: [one("bea"), one("Not An Id")] });
    const answer = await fetch(`${this.#url}/batch`, { method: "POST", headers, body });
    this.errors.push(await answer.text());
    const made = of("org", "CREATED", { actor: "user:acme/ada", kind: "iam.v1.User", resourceId: "bea" });
    this.steps.push({ ...made, requestId: "story-batched-bea" });
  }

  async #logins(password: string): Promise<void> {
    const ada = { org_id: org, principal_id: "ada" };
    const wrong = this.#keep("wrong password", "canary-wrong-password");
    const failed = of("org", "LOGIN_FAILED", {
      actor: "user:acme/ada",
      credential: "password",
      decidedBy: "credential",
    });
    await this.#refused("unauthenticated", `${token}/IssueToken`, { ...ada, password: wrong }, "", failed);
    const { token: other, refreshToken } = await this.#enter({ ...ada, password });
    this.#keep("access token", String(other).split(".")[2]);
    const renewal = { refresh_token: this.#keep("refresh token", refreshToken) };
    const renews = { actor: "user:acme/ada", credential: "password", sessionId: "~^session-" };
    const renewed = await this.#must(`${token}/RefreshToken`, renewal, "", of("org", "REFRESHED", renews));
    const again = this.#tokens(renewed);
    const narrowed = of("org", "LOGIN", { actor: "user:acme/ada", credential: "password+attenuated" });
    const narrow = { actions: ["iam:projects:get"] };
    const small = this.#tokens(await this.#must(`${token}/AttenuateToken`, narrow, again, narrowed));
    const limited = of("org", "DENIED", { credential: "password+attenuated", decidedBy: "limit" });
    await this.#refused("permission_denied", "iam.v1.UserService/ListUsers", { org_id: org }, small, limited);
    const revoked = of("org", "REVOKED", { actor: "user:acme/ada", credential: "password", sessionId: "~^session-" });
    await this.#must(`${token}/RevokeToken`, {}, again, revoked);
    await this.#strangers(again);
    const issued = of("org", "LOGIN", { actor: "user:system/admin", credential: "issued" });
    this.#tokens(await this.#must(`${token}/IssueToken`, { org_id: org, principal_id: "eve" }, this.#admin, issued));
  }

  /** Tokens that are not good (any more), logins that are refused unseen, consoles that are refused. */
  async #strangers(over: string): Promise<void> {
    const who = `${token}/WhoAmI`;
    const ours = of("org", "DENIED", { actor: "user:acme/ada", decidedBy: "token", times: 1 });
    await this.#refused("unauthenticated", who, {}, over, ours);
    const forged = this.#keep("forged token", "canary-forged-token");
    await this.#refused("unauthenticated", who, {}, forged, of("system", "DENIED", { decidedBy: "token", times: 1 }));
    const zed = { org_id: org, principal_id: "zed", password: this.#keep("wrong password", "canary-guess-at-zed") };
    const unseen = { actor: "user:acme/zed", decidedBy: "rate_limit", times: 1 };
    for (let guess = 0; guess < 5; guess += 1) await this.#call(`${token}/IssueToken`, zed, "");
    const refused = of("org", "LOGIN_FAILED", unseen);
    await this.#refused("resource_exhausted", `${token}/IssueToken`, zed, "", refused);
    const method = "plasmavmc.v1.ConsoleService/Connect";
    const ticket = this.#keep("console ticket", "canary-console-ticket");
    for (const [requestId, headers, decidedBy] of [
      ["story-console-ticket", {}, "ticket"],
      ["story-console-origin", { origin: "https://elsewhere.example" }, "origin"],
    ] as const) {
      await this.#upgrade(`/console/${ticket}`, { ...headers, "x-request-id": requestId });
      const { log, event } = of("system", "DENIED", { method, decidedBy, times: 1 });
      this.steps.push({ log, event, requestId });
    }
  }

  /** Asks for a WebSocket that is refused. */
  async #upgrade(path: string, headers: Readonly<Record<string, string>>): Promise<void> {
    const handshake = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13" };
    const key = { "sec-websocket-key": Buffer.alloc(16).toString("base64") };
    const asked = get(new URL(path, this.#url), { headers: { ...handshake, ...key, ...headers } });
    const [response]: IncomingMessage[] = await once(asked, "response");
    if (response === undefined || response.statusCode === 101) throw new Error(`${path} was not refused`);
    this.errors.push(await text(response));
  }

  async #secondFactor(): Promise<void> {
    const password = await this.#user(org, "fay");
    const fay = await this.#login(org, "fay", password);
    const by = { actor: "user:acme/fay", kind: "iam.v1.Factor", credential: "password" };
    const begun = await this.#must(`${account}/EnrollTotp`, {}, fay, of("org", "CREATED", by));
    const [first, second] = twoCodes(this.#keep("TOTP seed", begun.secret));
    const confirmation = { factor_id: begun.factorId, code: first };
    const { recoveryCodes } = await this.#must(`${account}/ConfirmTotp`, confirmation, fay, of("org", "UPDATED", by));
    const codes = Array.isArray(recoveryCodes) ? recoveryCodes.map(String) : [];
    for (const one of codes) this.#keep("recovery code", one);
    const proved = of("org", "LOGIN", { actor: "user:acme/fay", credential: "password+second_factor" });
    const strong = await this.#login(org, "fay", password, { code: second }, proved);
    const wrong = of("org", "LOGIN_FAILED", { ...by, credential: "second_factor" });
    await this.#refused("unauthenticated", `${account}/ProveSecondFactor`, { code: "canary-0" }, strong, wrong);
    const withFactor = { ...by, credential: "password+second_factor" };
    const good = of("org", "UPDATED", withFactor);
    await this.#must(`${account}/ProveSecondFactor`, { code: codes[0] }, strong, good);
    const renewed = await this.#must(`${account}/RenewRecoveryCodes`, {}, strong, good);
    if (Array.isArray(renewed.recoveryCodes)) for (const one of renewed.recoveryCodes) this.#keep("recovery code", one);
    const removal = { factor_id: begun.factorId };
    await this.#must(`${account}/RemoveFactor`, removal, strong, of("org", "DELETED", withFactor));
    const next = this.#keep("password", "canary-new-password-of-fay");
    const changed = of("org", "UPDATED", { actor: "user:acme/fay", kind: "iam.v1.User" });
    const change = { old_password: password, new_password: next };
    this.#tokens(await this.#must(`${account}/ChangePassword`, change, strong, changed));
  }

  async #keys(): Promise<void> {
    await this.#must("iam.v1.ServiceAccountService/CreateServiceAccount", { org_id: org, id: "bot" });
    const made = of("org", "CREATED", { actor: "user:acme/ada", kind: "iam.v1.ServiceAccountKey" });
    const key = { org_id: org, name: "ci", service_account_id: "bot" };
    const method = "iam.v1.ServiceAccountKeyService/CreateServiceAccountKey";
    const { id, secret } = await this.#must(method, key, this.readers.org, made);
    const login = { org_id: org, principal_id: "bot", key_secret: this.#keep("key secret", secret) };
    const by = { actor: "service_account:acme/bot", credential: `key:${String(id)}` };
    this.#tokens(await this.#enter(login, of("org", "LOGIN", by)));
    const wrong = { ...login, key_secret: this.#keep("wrong key secret", "canary-wrong-key-secret") };
    const failed = of("org", "LOGIN_FAILED", { credential: "key", actor: "service_account:acme/bot" });
    await this.#refused("unauthenticated", `${token}/IssueToken`, wrong, "", failed);
    await this.#lastingToken(String(secret));
    await this.#oauth(login);
  }

  /** A directory's token, with a good key and with a wrong one; neither may read users. */
  async #lastingToken(secret: string): Promise<void> {
    const wrong = this.#keep("wrong key secret", `pck_${"canary-of-a-directory".padEnd(43, "x")}`);
    for (const [key, status] of [
      [secret, 403],
      [wrong, 401],
    ] as const) {
      const headers = { authorization: `Bearer bot.${key}` };
      const answer = await fetch(`${this.#url}/scim/v2/${org}/Users?count=1`, { headers });
      if (answer.status !== status) throw new Error(`the directory's call answered ${answer.status}`);
      this.errors.push(await answer.text());
    }
  }

  /** OAuth's own forms: a device that waits, a refresh that is good once, an exchange of what is no token. */
  async #oauth(login: Json): Promise<void> {
    const client = { client_id: "photon-cli" };
    const begun = await this.#form("device_authorization", { ...client, org_id: org });
    const device_code = this.#keep("device code", begun.device_code);
    const urn = "urn:ietf:params:oauth:grant-type";
    await this.#form("token", { ...client, grant_type: `${urn}:device_code`, device_code });
    const { refreshToken } = await this.#enter({ ...login, project_id: "" });
    if (refreshToken !== undefined) {
      const refresh_token = this.#keep("refresh token", refreshToken);
      const { refresh_token: next } = await this.#form("token", {
        ...client,
        grant_type: "refresh_token",
        refresh_token,
      });
      this.#keep("refresh token", next);
    }
    const subject_token = this.#keep("identity token", "canary-that-no-issuer-has-signed");
    const about = { org_id: org, principal_id: "bot", subject_token_type: "urn:ietf:params:oauth:token-type:jwt" };
    await this.#form("token", { ...about, grant_type: `${urn}:token-exchange`, subject_token });
  }

  async #form(endpoint: string, form: Readonly<Record<string, string>>): Promise<Json> {
    const body = new URLSearchParams(form);
    const answer = await fetch(`${this.#url}/oauth2/${endpoint}`, { method: "POST", body });
    const said = await answer.text();
    if (!answer.ok) this.errors.push(said);
    const value: unknown = JSON.parse(said);
    return isJson(value) ? value : {};
  }

  async #invitation(): Promise<void> {
    const made = of("org", "CREATED", { actor: "user:acme/ada", kind: "iam.v1.Invitation" });
    const invitation = { org_id: org, name: "newcomer", user_id: "ivy" };
    const method = "iam.v1.InvitationService/CreateInvitation";
    const { id, token: secret } = await this.#must(method, invitation, this.readers.org, made);
    const accept = {
      token: this.#keep("invitation", secret),
      password: this.#keep("password", "canary-password-of-ivy"),
    };
    const joined = of("org", "CREATED", {
      actor: "user:acme/ada",
      kind: "iam.v1.User",
      credential: `invitation:${String(id)}`,
    });
    await this.#must("iam.v1.OrgJoiningService/AcceptInvitation", accept, "", joined);
  }

  async #exchange(): Promise<void> {
    this.#keep("client secret", clientSecret);
    this.#keep("client secret", pipelineSecret);
    const { issuer } = this.#provider;
    const idp = { org_id: org, id: "corp", name: "corp", issuer, client_id: clientId, client_secret: clientSecret };
    const made = of("org", "CREATED", { actor: "user:acme/ada", kind: "iam.v1.IdentityProvider" });
    await this.#must("iam.v1.IdentityProviderService/CreateIdentityProvider", idp, this.readers.org, made);
    await this.#must("iam.v1.ServiceAccountService/CreateServiceAccount", { org_id: org, id: "ci" });
    const trust = { org_id: org, service_account_id: "ci", issuer, audience: this.#url, subject: pipeline };
    const { id } = await this.#must("iam.v1.FederatedCredentialService/CreateFederatedCredential", trust);
    const subject = await this.#provider.pipelineToken(this.#url);
    this.#keep("identity token", subject.split(".")[2]);
    const request = { org_id: org, principal_id: "ci", subject_token: subject };
    const by = { actor: "service_account:acme/ci", credential: `exchange:${String(id)}` };
    this.#tokens(await this.#must(`${token}/ExchangeToken`, request, "", of("org", "LOGIN", by)));
    const failed = of("org", "LOGIN_FAILED", { actor: by.actor, credential: "exchange", decidedBy: "credential" });
    await this.#refused("unauthenticated", `${token}/ExchangeToken`, request, "", failed);
  }

  async #machine(): Promise<void> {
    const drawn = of("system", "ACCESSED", { actor: "user:system/admin", kind: "plasmavmc.v1.Host", times: 1 });
    const draw = "plasmavmc.v1.HostJoiningService/CreateJoinToken";
    const { token: join } = await this.#must(draw, {}, this.#admin, drawn);
    this.#keep("join token", join);
    const at = { org_id: org, project_id: project };
    const spec = { user_data: userData };
    const made = of("project", "CREATED", { actor: "user:acme/ada", kind: "plasmavmc.v1.Vm", projectId: project });
    const { id } = await this.#must(
      "plasmavmc.v1.VmService/CreateVm",
      { ...at, name: "web", spec },
      this.readers.org,
      made,
    );
    const stopped = of("project", "UPDATED", { actor: "user:acme/ada", kind: "plasmavmc.v1.Vm", resourceId: id });
    await this.#until("plasmavmc.v1.VmService/GetVm", { ...at, id }, "VM_STATE_RUNNING");
    const console = { ...at, vm_id: id };
    const looked = of("project", "ACCESSED", {
      actor: "user:acme/ada",
      permission: "compute:vms:console",
      resourceId: id,
      decidedBy: "~^role_binding:.",
      credential: "password",
    });
    const { url } = await this.#must("plasmavmc.v1.ConsoleService/OpenConsole", console, this.readers.org, looked);
    this.#keep("console ticket", String(url).split(/[=/]/).at(-1));
    await this.#must("plasmavmc.v1.VmService/StopVm", { ...at, id }, this.readers.org, stopped);
  }

  async #until(method: string, body: Json, word: string): Promise<void> {
    for (const deadline = Date.now() + 20_000; ; await sleep(20)) {
      const answer = await this.#call(method, body);
      if (answer.text.includes(word)) return;
      if (Date.now() > deadline) throw new Error(`${method} does not say ${word}: ${answer.text}`);
    }
  }

  async #glass(): Promise<void> {
    const login = async (id: string) => {
      const password = await this.#user("system", id);
      const binding = bound({ principal: `user:system/${id}`, role_id: "BreakGlassKeeper" });
      await this.#must("iam.v1.RoleBindingService/CreateRoleBinding", binding);
      return this.#login("system", id, password);
    };
    const [anna, boris] = [await login("anna"), await login("boris")];
    const service = "iam.v1.BreakGlassService";
    const by = (id: string) => ({ actor: `user:system/${id}`, kind: "iam.v1.BreakGlass", credential: "password" });
    const asked = { reason: "nobody else can log in" };
    const { id } = await this.#must(`${service}/CreateBreakGlass`, asked, anna, of("system", "CREATED", by("anna")));
    await this.#must(`${service}/ApproveBreakGlass`, { id }, boris, of("system", "UPDATED", by("boris")));
    const opened = of("system", "UPDATED", by("anna"));
    const sealed = this.#tokens(await this.#must(`${token}/OpenBreakGlass`, { id }, anna, opened));
    const rescued = of("system", "CREATED", {
      actor: "user:system/break-glass",
      credential: `break_glass:${String(id)}`,
    });
    await this.#must("iam.v1.UserService/CreateUser", { org_id: "system", id: "rescued" }, sealed, rescued);
    await this.#must(`${service}/EndBreakGlass`, { id }, boris, of("system", "UPDATED", by("boris")));
  }

  async #sessions(): Promise<void> {
    const revoked = of("org", "REVOKED", { actor: "user:acme/ada", credential: "password" });
    const body = { org_id: org, principal_id: "eve" };
    await this.#must(`${token}/RevokeSessions`, body, this.readers.org, revoked);
  }
}

function bound(binding: Json & { readonly principal: string; readonly role_id: string }): Json {
  return { ...binding, name: `${binding.principal.replace(/.*\//, "")}-${binding.role_id}` };
}
