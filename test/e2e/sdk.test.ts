// The SDK against the real server in memory: every method of a kind, watches through restarts, waits, tokens, errors.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { PhotonCloud, type Vpc, type WatchEvent } from "@photoncloud/sdk";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";

let server: TestCloud;
let cloud: PhotonCloud;

beforeAll(async () => {
  server = await startTestCloud();
  const { token } = await server.tenant("acme-corp", "project-alpha");
  cloud = new PhotonCloud({ endpoint: server.url, credentials: { token }, org: "acme-corp", project: "project-alpha" });
});
afterAll(() => server.stop());

/** The administrator's client, which logs in with the password. */
function administrator(): PhotonCloud {
  const { orgId, principalId, password } = server.admin;
  return new PhotonCloud({ endpoint: server.url, credentials: { principalId, password, orgId } });
}

/** The next event of a watch that fits. */
async function next<T>(
  watch: AsyncIterator<WatchEvent<T>>,
  fits: (event: WatchEvent<T>) => boolean,
): Promise<WatchEvent<T>> {
  for (;;) {
    const { value, done } = await watch.next();
    if (done === true) throw new Error("the watch ended");
    if (fits(value)) return value;
  }
}

describe("the SDK and the server", () => {
  test("create, wait, get, batchGet, list, update, delete, wait", async () => {
    const made = await cloud.vpcs.create({ name: "life", cidr: "10.1.0.0/16", labels: { team: "web" } });
    expect(made).toMatchObject({
      name: "life",
      orgId: "acme-corp",
      projectId: "project-alpha",
      labels: { team: "web" },
    });
    const ready = await cloud.vpcs.waitUntilReady(made.id);
    expect(ready.status.state).toBe("ready");
    expect(ready.createTime).toBeInstanceOf(Date);
    expect(await cloud.vpcs.get(made.id)).toEqual(ready);
    expect((await cloud.vpcs.batchGet([made.id, "vpc-00000000000000000000000000"])).map((vpc) => vpc.id)).toEqual([
      made.id,
    ]);
    expect((await cloud.vpcs.list({ filter: { name: "life" } }).all()).map((vpc) => vpc.id)).toEqual([made.id]);
    const updated = await cloud.vpcs.update(made.id, { labels: { team: "data" } }, { etag: ready.etag });
    expect(updated).toMatchObject({ labels: { team: "data" }, cidr: "10.1.0.0/16" });
    await expect(cloud.vpcs.update(made.id, { labels: {} }, { etag: ready.etag })).rejects.toMatchObject({
      code: "aborted",
      reason: "STALE_ETAG",
    });
    await cloud.vpcs.delete(made.id);
    await cloud.vpcs.waitUntilGone(made.id);
    await expect(cloud.vpcs.get(made.id)).rejects.toMatchObject({ code: "not_found" });
  });

  test("list() fetches page after page", async () => {
    const names = ["page-a", "page-b", "page-c"];
    for (const name of names) await cloud.securityGroups.create({ name });
    const seen = [];
    for await (const group of cloud.securityGroups.list({ pageSize: 1 })) seen.push(group.name);
    expect(seen).toEqual(expect.arrayContaining(names));
    const page = await cloud.securityGroups.list({ pageSize: 2 }).page();
    expect(page.items).toHaveLength(2);
    expect(page.nextPageToken).not.toBe("");
  });

  test("nested messages, maps, oneofs and enums reach the server and come back", async () => {
    const group = await cloud.securityGroups.create({
      name: "web",
      rules: {
        http: { direction: "ingress", protocol: "tcp", portRange: { first: 80 }, remoteCidr: "0.0.0.0/0" },
      },
    });
    expect(group.rules.http).toMatchObject({ direction: "ingress", protocol: "tcp", remoteCidr: "0.0.0.0/0" });
    expect(group.rules.http).not.toHaveProperty("remoteGroupId");
    const rule = { direction: "egress", remoteGroupId: group.id } as const;
    const more = await cloud.securityGroups.addRule(group.id, { name: "out", rule });
    expect(Object.keys(more.rules).sort()).toEqual(["http", "out"]);
    expect(Object.keys((await cloud.securityGroups.removeRule(group.id, { name: "http" })).rules)).toEqual(["out"]);
  });

  test("a machine is made, stopped and started by the kind's own methods", async () => {
    const vpc = await cloud.vpcs.create({ name: "machines", cidr: "10.2.0.0/16" });
    const subnet = await cloud.subnets.create({ name: "machines", vpcId: vpc.id });
    const port = await cloud.ports.create({ name: "eth0", subnetId: subnet.id });
    const vm = await cloud.vms.create({ name: "web", spec: { network: [{ id: "eth0", portId: port.id }] } });
    expect((await cloud.vms.waitUntilReady(vm.id)).state).toBe("running");
    await cloud.vms.stop(vm.id);
    expect((await cloud.vms.waitUntilReady(vm.id)).state).toBe("stopped");
    await cloud.vms.start(vm.id, { waitMs: 10_000 });
    expect(await cloud.ports.get(port.id)).toMatchObject({ deviceId: vm.id, deviceType: "vm" });
    const resized = await cloud.vms.update(vm.id, { spec: { cpu: 2 } });
    expect(resized.spec).toMatchObject({ cpu: 2, network: [{ id: "eth0", portId: port.id }] });
  });

  test("plan() tells what a change would do, and stores nothing", async () => {
    const planned = await cloud.vpcs.plan({ name: "planned", cidr: "10.9.0.0/16" });
    expect(planned.resource).toMatchObject({ name: "planned" });
    expect(await cloud.vpcs.list({ filter: { name: "planned" } }).all()).toEqual([]);
    await expect(cloud.vpcs.plan({ name: "planned", cidr: "10.9.0.0/33" })).rejects.toMatchObject({
      violations: [{ path: "cidr" }],
    });
    const vpc = await cloud.vpcs.create({ name: "replanned", cidr: "10.9.0.0/16" });
    const change = await cloud.vpcs.plan(vpc.id, { labels: { a: "b" } });
    expect(change.changes.map(({ path }) => path)).toEqual(["labels"]);
  });

  test("the same idempotency key gives the same answer", async () => {
    const idempotencyKey = crypto.randomUUID();
    const [one, two] = await Promise.all(
      [1, 2].map(() => cloud.vpcs.create({ name: "once", cidr: "10.3.0.0/16" }, { idempotencyKey })),
    );
    expect(one?.id).toBe(two?.id);
  });

  test("an error names the field, the reason and the request", async () => {
    const failed = cloud.vpcs.create({ name: "Bad Name", cidr: "10.0.0.0/33" });
    await expect(failed).rejects.toMatchObject({ code: "invalid_argument", reason: "INVALID_FIELDS", retry: "never" });
    await expect(failed).rejects.toMatchObject({ requestId: expect.stringMatching(/.+/) });
    await expect(failed).rejects.toMatchObject({
      violations: expect.arrayContaining([
        expect.objectContaining({ path: "name" }),
        expect.objectContaining({ path: "cidr" }),
      ]),
    });
  });

  test("a foreign org is refused with the missing permission", async () => {
    await server.tenant("other-corp", "project-beta");
    const foreign = cloud.vpcs.list({ org: "other-corp", project: "project-beta" }).page();
    await expect(foreign).rejects.toMatchObject({ code: "permission_denied", reason: "PERMISSION_DENIED" });
  });
});

describe("watch()", () => {
  test("tells what is there, what changes and what goes, and goes on after the server was restarted", async () => {
    const before = await cloud.vpcs.create({ name: "watched", cidr: "10.4.0.0/16" }, { waitMs: 10_000 });
    const stop = new AbortController();
    const watch: AsyncGenerator<WatchEvent<Vpc>> = cloud.vpcs.watch({ signal: stop.signal });
    const is = (change: string, id: string) => (event: WatchEvent<Vpc>) =>
      event.change === change && event.change !== "bookmark" && event.resource.id === id;
    expect(await next(watch, is("existing", before.id))).toMatchObject({ resource: { name: "watched" } });
    await next(watch, (event) => event.change === "bookmark");
    const after = await cloud.vpcs.create({ name: "watched-too", cidr: "10.5.0.0/16" });
    await next(watch, is("created", after.id));
    await server.restart();
    await cloud.vpcs.delete(after.id);
    await next(watch, is("deleted", after.id));
    stop.abort();
    expect((await watch.next()).done).toBe(true);
  });
});

describe("tokens, roles and events", () => {
  test("the administrator logs in with a password and sees the system", async () => {
    const admin = administrator();
    expect(await admin.tokens.whoAmI()).toMatchObject({ principal: { id: server.admin.principalId, kind: "user" } });
    expect((await admin.orgs.list().all()).map((org) => org.id)).toContain("acme-corp");
  });

  test("a key's secret is answered once, logs in, and is not printed", async () => {
    const admin = administrator().at({ org: "acme-corp" });
    const account = await admin.serviceAccounts.create({ id: "reader" });
    const key = await admin.serviceAccountKeys.create({ name: "ci", serviceAccountId: account.id });
    expect(key.secret).toMatch(/^pck_/);
    expect((await admin.serviceAccountKeys.get(key.id)).secret).toBe("");
    await admin.roleBindings.create({
      principal: "service_account:acme-corp/reader",
      roleId: "ProjectViewer",
      projectId: "project-alpha",
    });
    const credentials = { principalId: "reader", keySecret: key.secret };
    const reader = new PhotonCloud({ endpoint: server.url, credentials, org: "acme-corp", project: "project-alpha" });
    expect(await reader.vpcs.list().all()).toBeInstanceOf(Array);
    await expect(reader.vpcs.create({ name: "no", cidr: "10.6.0.0/16" })).rejects.toMatchObject({
      code: "permission_denied",
      permission: "network:vpcs:create",
    });
    const allowed = await reader.authz.testPermissions({ permissions: ["network:vpcs:list", "network:vpcs:create"] });
    expect(allowed.permissions).toEqual(["network:vpcs:list"]);
  });

  test("a wrong password is told as such, once", async () => {
    const { orgId, principalId } = server.admin;
    const credentials = { principalId, orgId, password: "not-the-password" };
    const wrong = new PhotonCloud({ endpoint: server.url, credentials });
    await expect(wrong.orgs.list().page()).rejects.toMatchObject({
      code: "unauthenticated",
      reason: "BAD_CREDENTIALS",
    });
  });

  test("the log tells what was done, and goes on", async () => {
    const vpc = await cloud.vpcs.create({ name: "logged", cidr: "10.7.0.0/16" });
    const events = [];
    for await (const event of cloud.events.list({ kind: "prismnet.v1.Vpc", resourceId: vpc.id })) events.push(event);
    expect(events[0]).toMatchObject({
      type: "created",
      resourceId: vpc.id,
      orgId: "acme-corp",
      method: expect.stringContaining("CreateVpc"),
    });
    const stop = new AbortController();
    const watch = cloud.events.watch({ cursor: events.at(-1)?.cursor, kind: "prismnet.v1.Vpc", signal: stop.signal });
    const updated = cloud.vpcs.update(vpc.id, { labels: { a: "b" } });
    for await (const event of watch) if (event.type === "updated" && event.resourceId === vpc.id) break;
    await updated;
    stop.abort();
  });
});
