// What is no method of the catalog: SCIM, Terraform's states, uploads, batches, logins by a browser. Whoever is of another org gets for what
// is there, to the byte, what they get for what never was; and as much is read for it.
import { createHash } from "node:crypto";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { IncomingMessage } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { type Clock, systemClock } from "../../server/src/clock.ts";
import { DatabaseRecords } from "../../server/src/store/database-records.ts";
import { DatabaseStore } from "../../server/src/store/database-store.ts";
import { type Counted, countReads } from "../../server/src/store/testing/counted.ts";
import { member, must } from "./world.ts";

/** What a request is about. */
interface Names {
  readonly org: string;
  readonly project: string;
  readonly user: string;
  readonly group: string;
  readonly provider: string;
  readonly state: string;
  readonly vpc: string;
  readonly vm: string;
  readonly account: string;
  readonly digest: string;
}

interface Endpoint {
  readonly method: string;
  readonly path: (names: Names) => string;
  readonly type?: string;
  readonly body?: (names: Names) => string;
  /** Of what is asked with no bearer token. */
  readonly authorization?: (names: Names) => string;
}

const namesOf = (word: string): Names => ({
  org: `${word}-corp`,
  project: `${word}-project`,
  user: `${word}-user`,
  group: `${word}-group`,
  provider: `${word}-login`,
  state: `${word}-state`,
  account: `${word}-bot`,
  vpc: `vpc-${"0".repeat(26)}`,
  vm: `vm-${"0".repeat(26)}`,
  digest: `sha256:${createHash("sha256").update(word).digest("hex")}`,
});
const never = namesOf("never");
let there = namesOf("there");
let cloud: TestCloud;
let stranger = "";
let counted: Counted;
/** What is read for each request, by what its header says. */
const readsOf = new Map<string, string[]>();
const heardHeader = "x-heard";

/** Sleeps as always, but it is always now: else what the asker's own session was is read again now and then, and sometimes for one of two. */
const clock: Clock = { now: () => began, sleep: (ms, signal) => systemClock.sleep(ms, signal) };
const began = Date.now();

/** Counts into a list of its own whatever follows from a request. */
function hear(message: unknown): void {
  const request: unknown = Reflect.get(Object(message), "request");
  const heard = request instanceof IncomingMessage ? request.headers[heardHeader] : undefined;
  if (typeof heard !== "string") return;
  const reads: string[] = [];
  readsOf.set(heard, reads);
  counted.into(reads);
}

beforeAll(async () => {
  counted = countReads(DatabaseStore.prototype, DatabaseRecords.prototype);
  subscribe("http.server.request.start", hear);
  cloud = await startTestCloud({ clock, argv: ["--terraform-state"] });
  const admin = await cloud.adminToken();
  const { token } = await cloud.tenant(there.org, there.project);
  await cloud.tenant("rival", "gamma");
  stranger = await member(cloud.url, admin, "rival", "OrgAdmin", {});
  const orgId = there.org;
  await must(
    cloud.url,
    "iam.v1.UserService/CreateUser",
    { orgId, id: there.user, password: "a quite long phrase" },
    admin,
  );
  await must(cloud.url, "iam.v1.GroupService/CreateGroup", { orgId, id: there.group }, admin);
  const provider = { orgId, id: there.provider, issuer: "https://corp.example", clientId: "cloud" };
  await must(cloud.url, "iam.v1.IdentityProviderService/CreateIdentityProvider", provider, admin);
  const vpc = { orgId, projectId: there.project, name: "main", cidr: "10.0.0.0/16" };
  const vm = { orgId, projectId: there.project, name: "main", spec: {} };
  there = {
    ...there,
    vpc: String((await must(cloud.url, "prismnet.v1.VpcService/CreateVpc", vpc, token)).id),
    vm: String((await must(cloud.url, "plasmavmc.v1.VmService/CreateVm", vm, token)).id),
  };
  const account = { orgId, id: there.account };
  await must(cloud.url, "iam.v1.ServiceAccountService/CreateServiceAccount", account, admin);
  const key = { orgId, name: "first", serviceAccountId: there.account };
  await must(cloud.url, "iam.v1.ServiceAccountKeyService/CreateServiceAccountKey", key, admin);
  const state = { method: "POST", body: "{}", headers: { authorization: `Bearer ${token}` } };
  const kept = await fetch(`${cloud.url}/terraform/state/${orgId}/${there.project}/${there.state}`, state);
  expect(kept.status).toBe(200);
  const upload = { method: "PUT", body: "there", headers: { authorization: `Bearer ${token}` } };
  const place = `org_id=${orgId}&project_id=${there.project}`;
  expect((await fetch(`${cloud.url}/uploads/${there.digest}?${place}`, upload)).status).toBe(200);
});
afterAll(async () => {
  unsubscribe("http.server.request.start", hear);
  await cloud.stop();
  counted.restore();
});

const scim = "application/scim+json";
const form = "application/x-www-form-urlencoded";
const json = "application/json";
const exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
const login = ({ org }: Names, more: string) =>
  `response_type=code&client_id=photon-cli&redirect_uri=http://127.0.0.1:7777/callback&state=s&org_id=${org}${more}` +
  `&code_challenge=${"x".repeat(43)}&code_challenge_method=S256`;

/** A method of the catalog that is no kind's, by names in its request. */
const method = (path: string, ask: (names: Names) => Record<string, unknown>): Endpoint => ({
  method: "POST",
  type: json,
  path: () => `/${path}`,
  body: (names) => JSON.stringify(ask(names)),
});
const at = ({ org, project }: Names) => ({ org_id: org, project_id: project });
const onVm = (names: Names) => ({
  action: "compute:vms:get",
  resource: `org/${names.org}/project/${names.project}/vm/${names.vm}`,
});

/** What names something within an org or a project: asked also at home, about what is another's. */
const within: readonly Endpoint[] = [
  ...["Users", "Groups"].flatMap((sort) => {
    const path = ({ org, user, group }: Names) => `/scim/v2/${org}/${sort}/${sort === "Users" ? user : group}`;
    const patch = { Operations: [{ op: "replace", path: "displayName", value: "x" }] };
    return [
      { method: "GET", path },
      { method: "PUT", path, type: scim, body: () => '{"userName":"x","displayName":"x"}' },
      { method: "PATCH", path, type: scim, body: () => JSON.stringify(patch) },
      { method: "DELETE", path },
    ];
  }),
  { method: "GET", path: ({ org, user }) => `/scim/v2/${org}/Users?filter=userName%20eq%20%22${user}%22` },
  { method: "GET", path: ({ org, user }) => `/scim/v2/${org}/Users?filter=emails.value%20eq%20%22${user}%22` },
  { method: "GET", path: ({ org, user }) => `/scim/v2/${org}/Groups?filter=members.value%20eq%20%22${user}%22` },
  { method: "PUT", path: (names) => `/uploads/${names.digest}?${new URLSearchParams(at(names))}`, body: () => "x" },
  { method: "GET", path: ({ org, project, state }) => `/terraform/state/${org}/${project}/${state}` },
  {
    method: "POST",
    type: json,
    path: () => "/batch",
    body: (names) => {
      const call = { path: "/prismnet.v1.VpcService/GetVpc", headers: { "x-request-id": "one" } };
      return JSON.stringify({ calls: [{ ...call, body: { ...at(names), id: names.vpc } }] });
    },
  },
  method("plasmavmc.v1.ConsoleService/OpenConsole", (names) => ({ ...at(names), vm_id: names.vm })),
  method("plasmavmc.v1.ConsoleService/ReadConsoleLog", (names) => ({ ...at(names), vm_id: names.vm })),
  method("chainfire.v1.EventService/ListEvents", (names) => ({ ...at(names), resource_id: names.vm })),
  method("iam.v1.IamTokenService/ListPrincipalSessions", ({ org, user }) => ({ org_id: org, principal_id: user })),
];

const endpoints: readonly Endpoint[] = [
  ...within,
  { method: "GET", path: ({ org }) => `/scim/v2/${org}/Users` },
  {
    method: "POST",
    path: ({ org }) => `/scim/v2/${org}/Users`,
    type: scim,
    body: ({ user }) => `{"userName":"${user}"}`,
  },
  ...["POST", "DELETE", "LOCK", "UNLOCK"].map(
    (method): Endpoint => ({
      method,
      type: "application/json",
      path: ({ org, project, state }) => `/terraform/state/${org}/${project}/${state}`,
      body: () => '{"ID":"x"}',
    }),
  ),
  { method: "GET", path: ({ org, project }) => `/terraform/state/${org}/${project}` },
  method("creditservice.v1.UsageService/GetUsage", at),
  method("chainfire.v1.EventService/ListEvents", at),
  method("iam.v1.IamAuthzService/TestPermissions", (names) => ({ ...at(names), permissions: ["compute:vms:get"] })),
  method("iam.v1.IamAuthzService/Authorize", onVm),
  method("iam.v1.IamAuthzService/Explain", onVm),
  method("iam.v1.IamAuthzService/WhoCan", (names) => ({ ...at(names), type: "vm", action: "compute:vms:get" })),
  { method: "GET", path: (names) => `/oauth2/authorize?${login(names, "&provider_id=none")}` },
  { method: "GET", path: (names) => `/oauth2/callback/${names.org}/none?state=x&code=x` },
  {
    method: "POST",
    type: form,
    path: () => "/oauth2/device_authorization",
    body: ({ org }) => `client_id=photon-cli&org_id=${org}&provider_id=none`,
  },
  {
    method: "POST",
    type: form,
    path: () => "/oauth2/token",
    body: ({ org, user }) => {
      const subject = "subject_token=e30.e30.e30&subject_token_type=urn:ietf:params:oauth:token-type:jwt";
      return `grant_type=${exchange}&${subject}&org_id=${org}&principal_id=${user}`;
    },
  },
];

/** When an answer was given, and whether the request's body had come in whole by then. */
const ofTheWay: ReadonlySet<string> = new Set(["date", "connection", "keep-alive"]);

interface Told {
  /** All that the answer tells of what was asked about. The names of both are of one length. */
  readonly said: string;
  /** What was read for it, but for what the log is told. */
  readonly reads: readonly string[];
}

let asked = 0;

async function ask({ method, path, type, body, authorization }: Endpoint, names: Names, token: string): Promise<Told> {
  asked += 1;
  const bearer = authorization?.(names) ?? (token === "" ? undefined : `Bearer ${token}`);
  const headers = {
    "x-request-id": "isolation",
    [heardHeader]: String(asked),
    ...(type && { "content-type": type }),
    ...(bearer !== undefined && { authorization: bearer }),
  };
  const sent = { method, headers, redirect: "manual", ...(body && { body: body(names) }) } as const;
  const answer = await fetch(cloud.url + path(names), sent);
  const text = await answer.text();
  const plain = text.replace(/"value":"([^"]*)"/g, (_, base64: string) =>
    Buffer.from(base64, "base64").toString("latin1"),
  );
  const said = `${answer.status} ${JSON.stringify([...answer.headers].filter(([name]) => !ofTheWay.has(name)))} ${plain}`;
  return {
    said: Object.entries(names).reduce((rest, [field, name]) => rest.replaceAll(name, `{${field}}`), said),
    reads: (readsOf.get(String(asked)) ?? []).filter((one) => one !== "transact"),
  };
}

/** Asks about what is there and what never was; before, about something else, since what is the asker's own is read but once. */
async function compare(endpoint: Endpoint, token: string, home: Partial<Names> = {}): Promise<Told> {
  const about = (names: Names) => ask(endpoint, { ...names, ...home }, token);
  await about(namesOf("other"));
  const known = await about(there);
  expect(known).toEqual(await about(never));
  return known;
}

const strangers: readonly (readonly [string, () => string])[] = [
  ["nobody", () => ""],
  ["a forger", () => "garbage"],
  ["another org's administrator", () => stranger],
];

const named = (all: readonly Endpoint[]) => all.map((one) => [`${one.method} ${one.path(never)}`, one] as const);

describe.each(named(endpoints))("%s", (_, endpoint) => {
  test.each(strangers)("tells %s nothing", async (__, tokenOf) => {
    await compare(endpoint, tokenOf());
  });
});

describe.each(named(within))("%s, asked at home about what is another's,", (_, endpoint) => {
  test("tells nothing, and looks for it as for what never was", async () => {
    const { reads } = await compare(endpoint, stranger, { org: "rival", project: "gamma" });
    if (!endpoint.path(never).startsWith("/uploads/")) expect(reads).not.toEqual([]);
  });
});

test.each(["/uploads/%E0%A4%A?org_id=rival&project_id=gamma", "/scim/v2/rival/Users/%E0%A4%A"])(
  "%s can't be read, which its sender is told",
  async (path) => {
    const method = path.startsWith("/uploads/") ? "PUT" : "GET";
    expect((await ask({ method, path: () => path }, there, stranger)).said).toMatch(/^400 /);
  },
);

describe("a key that is wrong", () => {
  const secret = `pck_${"A".repeat(43)}`;
  const basic = (user: string) => `Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}`;
  test.each<readonly [string, Endpoint]>([
    [
      "to a directory",
      {
        method: "GET",
        path: ({ org }) => `/scim/v2/${org}/Users`,
        authorization: ({ account }) => `Bearer ${account}.${secret}`,
      },
    ],
    [
      "to Terraform's states",
      {
        method: "GET",
        path: ({ org, project }) => `/terraform/state/${org}/${project}`,
        authorization: ({ account }) => basic(account),
      },
    ],
  ])("%s costs as much for an account that is there as for one that never was", async (_, endpoint) => {
    expect((await compare(endpoint, "")).said).toMatch(/^401 /);
  });
});
