// What is no method of the catalog: SCIM, Terraform's states, uploads, batches, logins by a browser. Whoever is of another org gets for what
// is there, to the byte, what they get for what never was.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
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
}

interface Endpoint {
  readonly method: string;
  readonly path: (names: Names) => string;
  readonly type?: string;
  readonly body?: (names: Names) => string;
}

const never: Names = {
  ...{ org: "never-corp", project: "never-project", user: "never-user", group: "never-group" },
  ...{ provider: "never-login", state: "never-state" },
  vpc: `vpc-${"0".repeat(26)}`,
};
let there: Names = {
  ...{ org: "there-corp", project: "there-project", user: "there-user", group: "there-group" },
  ...{ provider: "there-login", state: "there-state", vpc: "" },
};
let cloud: TestCloud;
let stranger = "";

beforeAll(async () => {
  cloud = await startTestCloud({ argv: ["--terraform-state"] });
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
  there = { ...there, vpc: String((await must(cloud.url, "prismnet.v1.VpcService/CreateVpc", vpc, token)).id) };
  const state = { method: "POST", body: "{}", headers: { authorization: `Bearer ${token}` } };
  const kept = await fetch(`${cloud.url}/terraform/state/${orgId}/${there.project}/${there.state}`, state);
  expect(kept.status).toBe(200);
});
afterAll(() => cloud.stop());

const scim = "application/scim+json";
const form = "application/x-www-form-urlencoded";
const digest = `sha256:${"0".repeat(64)}`;
const exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
const login = ({ org }: Names, more: string) =>
  `response_type=code&client_id=photon-cli&redirect_uri=http://127.0.0.1:7777/callback&state=s&org_id=${org}${more}` +
  `&code_challenge=${"x".repeat(43)}&code_challenge_method=S256`;

const endpoints: readonly Endpoint[] = [
  { method: "GET", path: ({ org }) => `/scim/v2/${org}/Users` },
  { method: "GET", path: ({ org, user }) => `/scim/v2/${org}/Users?filter=userName%20eq%20%22${user}%22` },
  { method: "GET", path: ({ org, user }) => `/scim/v2/${org}/Users/${user}` },
  {
    method: "PUT",
    path: ({ org, user }) => `/scim/v2/${org}/Users/${user}`,
    type: scim,
    body: () => '{"userName":"x"}',
  },
  { method: "DELETE", path: ({ org, user }) => `/scim/v2/${org}/Users/${user}` },
  {
    method: "POST",
    path: ({ org }) => `/scim/v2/${org}/Users`,
    type: scim,
    body: ({ user }) => `{"userName":"${user}"}`,
  },
  { method: "GET", path: ({ org, group }) => `/scim/v2/${org}/Groups/${group}` },
  { method: "DELETE", path: ({ org, group }) => `/scim/v2/${org}/Groups/${group}` },
  ...["GET", "POST", "DELETE", "LOCK", "UNLOCK"].map(
    (method): Endpoint => ({
      ...{
        method,
        type: "application/json",
        path: ({ org, project, state }) => `/terraform/state/${org}/${project}/${state}`,
      },
      ...(method !== "GET" && { body: () => '{"ID":"x"}' }),
    }),
  ),
  { method: "GET", path: ({ org, project }) => `/terraform/state/${org}/${project}` },
  {
    method: "PUT",
    path: ({ org, project }) => `/uploads/${digest}?org_id=${org}&project_id=${project}`,
    body: () => "x",
  },
  {
    ...{ method: "POST", type: "application/json", path: () => "/batch" },
    body: ({ org, project, vpc }) =>
      JSON.stringify({
        calls: [
          {
            path: "/prismnet.v1.VpcService/GetVpc",
            headers: { "x-request-id": "one" },
            body: { org_id: org, project_id: project, id: vpc },
          },
        ],
      }),
  },
  { method: "GET", path: (names) => `/oauth2/authorize?${login(names, "&provider_id=none")}` },
  {
    ...{ method: "POST", type: form, path: () => "/oauth2/device_authorization" },
    body: ({ org }) => `client_id=photon-cli&org_id=${org}&provider_id=none`,
  },
  {
    ...{ method: "POST", type: form, path: () => "/oauth2/token" },
    body: ({ org, user }) => {
      const subject = "subject_token=e30.e30.e30&subject_token_type=urn:ietf:params:oauth:token-type:jwt";
      return `grant_type=${exchange}&${subject}&org_id=${org}&principal_id=${user}`;
    },
  },
];

/** When an answer was given, and whether the request's body had come in whole by then. */
const ofTheWay: ReadonlySet<string> = new Set(["date", "connection", "keep-alive"]);

/** All that an answer tells of what was asked about. The names of both are of one length. */
async function told({ method, path, type, body }: Endpoint, names: Names, token: string): Promise<string> {
  const headers = {
    "x-request-id": "isolation",
    ...(type && { "content-type": type }),
    ...(token !== "" && { authorization: `Bearer ${token}` }),
  };
  const sent = { method, headers, redirect: "manual", ...(body && { body: body(names) }) } as const;
  const answer = await fetch(cloud.url + path(names), sent);
  const text = await answer.text();
  const plain = text.replace(/"value":"([^"]*)"/g, (_, base64: string) =>
    Buffer.from(base64, "base64").toString("latin1"),
  );
  const said = `${answer.status} ${JSON.stringify([...answer.headers].filter(([name]) => !ofTheWay.has(name)))} ${plain}`;
  return Object.entries(names).reduce((rest, [field, name]) => rest.replaceAll(name, `{${field}}`), said);
}

const strangers: readonly (readonly [string, () => string])[] = [
  ["nobody", () => ""],
  ["a forger", () => "garbage"],
  ["another org's administrator", () => stranger],
];

describe.each(endpoints.map((one) => [`${one.method} ${one.path(never)}`, one] as const))("%s", (_, endpoint) => {
  test.each(strangers)("tells %s nothing", async (__, tokenOf) => {
    expect(await told(endpoint, there, tokenOf())).toBe(await told(endpoint, never, tokenOf()));
  });
});
