// Accounts, sessions, invitations and questions about permissions: a stranger learns nothing of another org's people and changes nothing of theirs, and
// what is only one's own answers about nobody else.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { call, comparable, type Json } from "./calls.ts";
import { member, must } from "./world.ts";

const password = "correct horse battery";
const factorId = "factor-01m81ne5pt3emw82v2r8sdq005";

let cloud: TestCloud;
let admin: string;
/** A user of acme; an administrator of the org rival. */
let alice: string;
let stranger: string;
beforeAll(async () => {
  cloud = await startTestCloud();
  admin = await cloud.adminToken();
  await cloud.tenant("acme", "alpha");
  await cloud.tenant("rival", "gamma");
  await must(cloud.url, "iam.v1.UserService/CreateUser", { org_id: "acme", id: "alice", password }, admin);
  const credential = { org_id: "acme", principal_id: "alice", password };
  alice = String((await must(cloud.url, "iam.v1.IamTokenService/IssueToken", credential, "")).token);
  stranger = await member(cloud.url, admin, "rival", "OrgAdmin", {});
});
afterAll(() => cloud.stop());

const ask = (method: string, body: Json, token?: string) => call(cloud.url, `iam.v1.${method}`, body, token);

/** What names a principal or a scope of another org; `ID` is a principal that is there, or one that never was. */
const aboutOthers: readonly (readonly [string, Json])[] = [
  ["IamAccountService/ResetFactors", { org_id: "acme", principal_id: "ID" }],
  ["IamTokenService/ListPrincipalSessions", { org_id: "acme", principal_id: "ID" }],
  ["IamTokenService/RevokeSessions", { org_id: "acme", principal_id: "ID" }],
  ["IamAuthzService/WhoCan", { org_id: "acme", project_id: "alpha", action: "compute:vms:get", type: "vm" }],
  ["IamAuthzService/ListUnusedPermissions", { org_id: "acme" }],
  [
    "IamAuthzService/Explain",
    { principal: "user:acme/ID", action: "compute:vms:get", resource: "org/acme/project/alpha/vm/vm-1" },
  ],
  ["IamTokenService/OpenBreakGlass", { id: "breakglass-01m81ne5pt3emw82v2r8sdq005" }],
];

const named = (body: Json, id: string): Json => JSON.parse(JSON.stringify(body).replaceAll("ID", id));

describe("a foreign org's administrator is denied, whether the principal is there or not", () => {
  test.each(aboutOthers)("%s", async (method, body) => {
    const there = await ask(method, named(body, "alice"), stranger);
    const never = await ask(method, named(body, "nobody"), stranger);
    expect(there.code).toBe("permission_denied");
    expect(comparable(there, "alice", "alice")).toBe(comparable(never, "nobody", "alice"));
  });
});

describe("without a token that is good nothing is answered", () => {
  const own: readonly (readonly [string, Json])[] = [
    ["IamAccountService/ChangePassword", { old_password: password, new_password: `${password}!` }],
    ["IamAccountService/ProveSecondFactor", { code: "123456" }],
    ["IamAccountService/EnrollTotp", { name: "phone" }],
    ["IamAccountService/ConfirmTotp", { factor_id: factorId, code: "123456" }],
    ["IamAccountService/EnrollPasskey", { name: "key" }],
    ["IamAccountService/ConfirmPasskey", { factor_id: factorId, attestation: "{}" }],
    ["IamAccountService/ListFactors", {}],
    ["IamAccountService/RemoveFactor", { factor_id: factorId }],
    ["IamAccountService/RenewRecoveryCodes", {}],
    ["IamTokenService/IssueIdentityToken", { audience: "https://other.example" }],
    ["IamTokenService/AttenuateToken", { actions: ["compute:vms:get"] }],
  ];
  test.each([...own, ...aboutOthers])("%s", async (method, body) => {
    for (const token of [undefined, "garbage"])
      expect({ token, code: (await ask(method, named(body, "alice"), token)).code }).toEqual({
        token,
        code: "unauthenticated",
      });
  });
});

test("factors are listed and removed of oneself alone", async () => {
  const { body } = await ask("IamAccountService/EnrollTotp", { name: "phone" }, alice);
  const foreign = await ask("IamAccountService/RemoveFactor", { factor_id: String(body.factorId) }, stranger);
  const never = await ask("IamAccountService/RemoveFactor", { factor_id: factorId }, stranger);
  expect(foreign.code).not.toBe("ok");
  expect(comparable(foreign, String(body.factorId), "x")).toBe(comparable(never, factorId, "x"));
  expect((await ask("IamAccountService/ListFactors", {}, stranger)).text).not.toContain("phone");
});

test("a login begins alike for who is there and who is not", async () => {
  const begin = (principal_id: string) =>
    ask("IamAccountService/StartSecondFactor", { org_id: "acme", principal_id, password: "wrong password!" });
  const [there, never] = [await begin("alice"), await begin("nobody")];
  expect(there.code).toBe("unauthenticated");
  expect(comparable(there, "alice", "x")).toBe(comparable(never, "nobody", "x"));
});

test("an invitation's token that is none tells nothing", async () => {
  const asked = { user_id: "mallory", password };
  for (const token of ["garbage", `inv_${"A".repeat(43)}`]) {
    const preview = await ask("OrgJoiningService/PreviewInvitation", { token });
    const accept = await ask("OrgJoiningService/AcceptInvitation", { token, ...asked });
    expect([preview.code, accept.code]).not.toContain("ok");
    expect(preview.text + accept.text).not.toMatch(/acme|rival/);
  }
});

test("an identity token that nobody trusts is exchanged for nothing, in the same words for every principal", async () => {
  const exchange = (principal_id: string) =>
    ask("IamTokenService/ExchangeToken", { org_id: "acme", principal_id, subject_token: "e30.e30.e30" });
  const [there, never] = [await exchange("alice"), await exchange("nobody")];
  expect(there.code).not.toBe("ok");
  expect(comparable(there, "alice", "x")).toBe(comparable(never, "nobody", "x"));
});

test("an identity token says who asked for it, and no one else", async () => {
  const { body } = await ask("IamTokenService/IssueIdentityToken", { audience: "https://other.example" }, alice);
  const claims: unknown = JSON.parse(Buffer.from(String(body.token).split(".")[1] ?? "", "base64url").toString());
  expect(claims).toMatchObject({ aud: "https://other.example", org_id: "acme", sub: expect.stringContaining("alice") });
});
