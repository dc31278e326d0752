// Identity providers: who may make one, what it may hold, and that its secret is never answered.
import { toJsonString } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { IdentityProviderSchema } from "@photoncloud/proto/gen/iam/v1/identity_provider_pb";
import { as, faultOf, openWorld, type World } from "../testing/world.ts";

const admin = "user:system/admin";
const secret = "canary-a-client-secret";
const usual = { orgId: "acme", issuer: "https://login.acme.example", clientId: "photoncloud", clientSecret: secret };
let world: World;

beforeAll(async () => {
  world = await openWorld({ masterKey: new Uint8Array(32).fill(7) });
  await world.create(admin, "group", { orgId: "acme", id: "x" });
  await world.create(admin, "group", { orgId: "rival", id: "theirs" });
});
afterAll(() => world.close());

function make(init: Record<string, unknown>, who = admin) {
  return world.create(who, "identity_provider", { ...usual, ...init });
}

test("its secret is kept sealed and answered by nothing", async () => {
  const made = as(IdentityProviderSchema, await make({ id: "corp" }));
  expect(made).toMatchObject({ usernameClaim: "email", createUsers: false, disabled: false });
  expect(toJsonString(IdentityProviderSchema, made)).not.toContain(secret);
  const row = await world.store.get({
    tenant: { org: "acme", project: "" },
    kind: IdentityProviderSchema.typeName,
    id: "corp",
  });
  const kept = [row?.secret, row?.data, row?.observed].map((bytes) => Buffer.from(bytes ?? []).toString("latin1"));
  expect(row?.secret.length).toBeGreaterThan(secret.length);
  expect(kept.join()).not.toContain(secret);
});

test("it takes everything in the org to make or change one", async () => {
  await world.create(admin, "role", { orgId: "acme", id: "Doorkeeper", permissions: [{ action: "iam:*" }] });
  await world.bind("user:acme/bob", "Doorkeeper", { orgId: "acme" });
  expect((await faultOf(make({ id: "bobs" }, "user:acme/bob"))).reason).toBe("PERMISSION_DENIED");
  await make({ id: "admins" });
  const change = { orgId: "acme", id: "admins", identityProvider: { clientId: "other" } };
  expect((await faultOf(world.call("user:acme/bob", "identity_provider", "update", change))).reason).toBe(
    "PERMISSION_DENIED",
  );
  await world.bind("user:acme/alice", "OrgAdmin", { orgId: "acme" });
  await make({ id: "alices" }, "user:acme/alice");
});

test("one of the cloud's own org takes everything everywhere", async () => {
  await world.create(admin, "user", { orgId: "system", id: "clerk" });
  await world.bind("user:system/clerk", "OrgAdmin", { orgId: "system" });
  expect((await faultOf(make({ orgId: "system", id: "x" }, "user:system/clerk"))).reason).toBe("PERMISSION_DENIED");
});

test.each([
  [{ issuer: "http://login.acme.example" }, "issuer"],
  [{ issuer: "https://127.0.0.1" }, "issuer"],
  [{ scopes: ["two words"] }, "scopes[0]"],
  [{ allowedEmailDomains: ["Acme"] }, "allowed_email_domains[0]"],
  [{ groupRules: [{ claim: "g", value: "a*b", groupIds: ["x"] }] }, "group_rules[0].value"],
  [{ groupRules: [{ claim: "g", value: "a", groupIds: ["theirs"] }] }, "group_rules[0].group_ids[0]"],
])("%j is refused", async (init, path) => {
  const fault = await faultOf(make(init));
  expect(fault.details.violations?.[0]?.path).toBe(path);
});

test("who changes what names a user elsewhere must have all that the user has", async () => {
  await world.create(admin, "user", { orgId: "acme", id: "chief", userName: "chief@acme.example" });
  await world.bind("user:acme/chief", "OrgAdmin", { orgId: "acme" });
  await world.create(admin, "role", { orgId: "acme", id: "Clerk", permissions: [{ action: "iam:users:*" }] });
  await world.create(admin, "user", { orgId: "acme", id: "clerk" });
  await world.bind("user:acme/clerk", "Clerk", { orgId: "acme" });
  const change = (user: Record<string, unknown>) =>
    world.call("user:acme/clerk", "user", "update", { orgId: "acme", id: "chief", user });
  for (const user of [
    { userName: "clerk@evil.example" },
    { federatedIssuer: "https://login.acme.example", federatedSubject: "clerk" },
  ])
    expect((await faultOf(change(user))).reason).toBe("PERMISSION_DENIED");
  await change({ name: "The Chief" });
});

test("a name elsewhere is one user's alone, whatever its case", async () => {
  await world.create(admin, "user", { orgId: "acme", id: "n1", userName: "Same@acme.example" });
  const fault = await faultOf(world.create(admin, "user", { orgId: "acme", id: "n2", userName: "same@ACME.example" }));
  expect([fault.reason, fault.details.violations?.[0]?.path]).toEqual(["ALREADY_EXISTS", "user_name"]);
  await world.create(admin, "user", { orgId: "rival", id: "n1", userName: "same@acme.example" });
});
