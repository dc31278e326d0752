// Two servers on one PostgreSQL: a login, a binding and a revocation at one are good, and known, at the other.
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { postJson, startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { postgresMissing, startPostgres, type TestPostgres } from "../../server/src/store/testing/postgres.ts";

const withPostgres = postgresMissing() === undefined ? test : test.skip;
/** What a revocation and a change of permissions may take to reach every server on a machine that is busy. */
const knownWithinMs = 30_000;

let postgres: TestPostgres | undefined;
let one: TestCloud | undefined;
let two: TestCloud | undefined;

beforeAll(async () => {
  if (postgresMissing() !== undefined) return;
  postgres = await startPostgres();
  one = await startTestCloud({ databaseUrl: postgres.url });
  two = await startTestCloud({ databaseUrl: postgres.url });
}, 60_000);

afterAll(async () => {
  await one?.stop();
  await two?.stop();
  await postgres?.stop();
});

/** Asks until the answer has a status. @throws Error at the deadline, with the last answer. */
async function until(status: number, ask: () => Promise<{ readonly status: number }>): Promise<void> {
  const deadline = performance.now() + knownWithinMs;
  for (;;) {
    const answer = await ask();
    if (answer.status === status) return;
    if (performance.now() > deadline) throw new Error(`still ${answer.status}, not ${status}`);
    await delay(50);
  }
}

withPostgres("a session and a binding of one server hold at the other, and end there when they end", async () => {
  if (one === undefined || two === undefined) throw new Error("the servers did not start");
  const [first, second] = [one.url, two.url];
  const admin = await one.adminToken();
  const { token, serviceAccountId: id } = await one.tenant("acme-corp", "alpha");
  const where = { org_id: "acme-corp", project_id: "alpha" };
  const listAt = (url: string) => () => postJson(url, "prismnet.v1.VpcService/ListVpcs", where, token);
  await until(200, listAt(second));

  const bindings = await postJson(first, "iam.v1.RoleBindingService/ListRoleBindings", where, admin);
  // Those of the scopes above, the cloud's own administrators among them, are not shown here.
  expect(bindings.body.roleBindings).toHaveLength(1);
  const made: unknown = Array.isArray(bindings.body.roleBindings) ? bindings.body.roleBindings[0] : undefined;
  expect(made).toMatchObject({ principal: `service_account:acme-corp/${id}`, roleId: "ProjectAdmin" });
  const bindingId: unknown = Reflect.get(Object(made), "id");
  await postJson(first, "iam.v1.RoleBindingService/DeleteRoleBinding", { ...where, id: bindingId }, admin);
  expect((await listAt(first)()).status).toBe(403);
  await until(403, listAt(second));

  expect((await postJson(second, "iam.v1.IamTokenService/WhoAmI", {}, token)).status).toBe(200);
  await postJson(first, "iam.v1.IamTokenService/RevokeToken", {}, token);
  expect((await postJson(first, "iam.v1.IamTokenService/WhoAmI", {}, token)).status).toBe(401);
  await until(401, () => postJson(second, "iam.v1.IamTokenService/WhoAmI", {}, token));
});

withPostgres("a narrowed token ends at the other server with the session that it came from", async () => {
  if (one === undefined || two === undefined) throw new Error("the servers did not start");
  const [first, second] = [one.url, two.url];
  const { token } = await one.tenant("narrow-corp", "alpha");
  const answer = await postJson(
    first,
    "iam.v1.IamTokenService/AttenuateToken",
    { actions: ["network:vpcs:list"] },
    token,
  );
  const narrowed = String(answer.body.token);
  const where = { org_id: "narrow-corp", project_id: "alpha" };
  const list = () => postJson(second, "prismnet.v1.VpcService/ListVpcs", where, narrowed);
  await until(200, list);
  expect((await postJson(second, "prismnet.v1.SubnetService/ListSubnets", where, narrowed)).status).toBe(403);
  await postJson(first, "iam.v1.IamTokenService/RevokeToken", {}, token);
  await until(401, list);
});

withPostgres("wrong logins at one server slow down those at the other", async () => {
  if (one === undefined || two === undefined) throw new Error("the servers did not start");
  const [first, second] = [one.url, two.url];
  const wrong = { org_id: "system", principal_id: "nobody", password: "no, it is not" };
  const login = (url: string) => postJson(url, "iam.v1.IamTokenService/IssueToken", wrong, "");
  for (let at = 0; at < 5; at += 1) expect((await login(at % 2 === 0 ? first : second)).status).toBe(401);
  const refused = await Promise.all([login(first), login(second)]);
  expect(refused.map(({ status }) => status)).toEqual([429, 429]);
});
