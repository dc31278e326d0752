// Two servers on one PostgreSQL: what is taken back at one ends every open stream of the other within five seconds, and a change of signing keys refuses
// no request of those who go on calling both.
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import { postJson, startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { systemClock } from "../../server/src/clock.ts";
import { postgresMissing, startPostgres, type TestPostgres } from "../../server/src/store/testing/postgres.ts";
import { textOf, Viewer } from "../compute/console-client.ts";
import { call, type Json, messages, pathOf } from "../isolation/calls.ts";

const withPostgres = postgresMissing() === undefined ? describe : describe.skip;
/** What taking something back may take to reach every server on a machine that is busy; that it is five seconds is tried by a clock that is held (token-service.test.ts, replicas.test.ts). */
const knownWithinMs = 30_000;
const startMs = 90_000;
const week = 7 * 24 * 3_600_000;
const minute = 60_000;

/** How far the clouds' clock is ahead: an hour and a half before the signing keys change. */
let aheadMs = (Math.floor(Date.now() / week) + 1) * week - Date.now() - 90 * minute;
const clock = { ...systemClock, now: () => Date.now() + aheadMs, sleep: systemClock.sleep };

let postgres: TestPostgres | undefined;
let clouds: readonly TestCloud[] = [];

withPostgres("two servers", () => {
  beforeAll(async () => {
    postgres = await startPostgres();
    const { url: databaseUrl } = postgres;
    const first = await startTestCloud({ databaseUrl, clock });
    clouds = [first, await startTestCloud({ databaseUrl, clock })];
    await must(urlAt(0), "iam.v1.ProjectService/CreateProject", { org_id: "system", id: "home" }, await adminToken());
  }, startMs);
  afterAll(async () => {
    for (const cloud of clouds) await cloud.stop();
    await postgres?.stop();
  }, startMs);

  const [one, two] = [() => urlAt(0), () => urlAt(1)];

  describe("every open stream ends at the other server", () => {
    test.each([
      [
        "its session is revoked",
        (token: string) => must(one(), "iam.v1.IamTokenService/RevokeToken", {}, token),
        "unauthenticated",
      ],
      ["its principal is disabled", () => disable(), "unauthenticated"],
    ] as const)(
      "when %s",
      async (_, takeBack, code) => {
        const { token } = await newcomer();
        const streams = openAll(two(), token);
        for (const { opened } of streams) await opened;
        await takeBack(token);
        const late = delay(knownWithinMs, undefined, { ref: false });
        const ends = await Promise.all(
          streams.map(
            async ({ path, ended }) => `${path} ${await Promise.race([ended, late.then(() => "is open still")])}`,
          ),
        );
        expect(ends).toEqual(streams.map(({ path }) => `${path} ${code}`));
        for (const { close } of streams) close();
      },
      startMs,
    );

    test(
      "when a binding is deleted, before it tells anything that happens later than that",
      async () => {
        const { token, bindingId } = await newcomer();
        const paths = ["prismnet.v1.VpcService/WatchVpcs", "chainfire.v1.EventService/WatchEvents"];
        const streams = paths.map((path) => open(two(), path, token));
        for (const { opened } of streams) await opened;
        await unbind(bindingId);
        const late = AbortSignal.timeout(knownWithinMs);
        const codes = new Map<string, string>();
        for (const { path, ended } of streams) void ended.then((code) => codes.set(path, code));
        for (let nth = 0; codes.size < paths.length && !late.aborted; nth += 1) {
          await makeVpc(`late-${people}-${nth}`);
          await delay(100);
        }
        expect([...codes].toSorted()).toEqual(paths.map((path) => [path, "permission_denied"]).toSorted());
      },
      startMs,
    );

    test(
      "and so does a console",
      async () => {
        const { token } = await newcomer();
        const [near, far] = await consoleFor(token);
        await must(far, "iam.v1.IamTokenService/RevokeToken", {}, token);
        const late = delay(knownWithinMs, "is open still", { ref: false });
        expect(await Promise.race([near.closed.then(() => "closed"), late])).toBe("closed");
      },
      startMs,
    );
  });

  test(
    "a change of signing keys refuses no request of those who call both all the time",
    async () => {
      const { token: first } = await newcomer();
      const kids = new Set([kidOf(first)]);
      let newest = first;
      let isOver = false;
      const refused: unknown[] = [];
      let calls = 0;
      const caller = async (url: string) => {
        while (!isOver) {
          const { status, body } = await postJson(url, "iam.v1.IamTokenService/WhoAmI", {}, newest);
          calls += 1;
          if (status !== 200) refused.push(body);
        }
      };
      const callers = [one(), two(), one(), two()].map(caller);
      for (let step = 0; step < 36; step += 1) {
        aheadMs += 5 * minute;
        newest = await login(step % 2 === 0 ? one() : two());
        kids.add(kidOf(newest));
        await delay(50);
      }
      isOver = true;
      await Promise.all(callers);
      expect({ refused, kids: kids.size }).toEqual({ refused: [], kids: 2 });
      expect(calls).toBeGreaterThan(100);
    },
    startMs,
  );
});

function urlAt(at: number): string {
  const url = clouds[at]?.url;
  if (url === undefined) throw new Error("the servers did not start");
  return url;
}

/** A new one each time: the clock jumps here. */
async function adminToken(): Promise<string> {
  const { orgId = "", principalId = "", password: secret = "" } = clouds[0]?.admin ?? {};
  const request = { org_id: orgId, principal_id: principalId, password: secret };
  return String((await must(urlAt(0), "iam.v1.IamTokenService/IssueToken", request, "")).token);
}

async function makeVpc(name: string): Promise<void> {
  const vpc = { ...where, name, cidr: "10.0.0.0/16" };
  await must(urlAt(0), "prismnet.v1.VpcService/CreateVpc", vpc, await adminToken());
}

async function must(url: string, path: string, body: Json, token: string): Promise<Json> {
  const answer = await postJson(url, path, body, token);
  if (answer.status === 200) return answer.body;
  throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
}

const password = "a quite long phrase";
let people = 0;
let person = "";

async function login(url: string): Promise<string> {
  const request = { org_id: "system", principal_id: person, password };
  return String((await must(url, "iam.v1.IamTokenService/IssueToken", request, "")).token);
}

/** Someone new who may everything. */
async function newcomer(): Promise<{ readonly token: string; readonly bindingId: string }> {
  people += 1;
  person = `person-${people}`;
  const admin = await adminToken();
  await must(urlAt(0), "iam.v1.UserService/CreateUser", { org_id: "system", id: person, password }, admin);
  const binding = { principal: `user:system/${person}`, role_id: "SystemAdmin" };
  const bound = await must(urlAt(0), "iam.v1.RoleBindingService/CreateRoleBinding", binding, admin);
  const token = await login(urlAt(0));
  for (const cloud of clouds) await known(cloud.url, token);
  return { token, bindingId: textOf(bound, "id") };
}

/** Waits until a server knows what someone was given. @throws Error where that takes too long. */
async function known(url: string, token: string): Promise<void> {
  const late = AbortSignal.timeout(knownWithinMs);
  for (;;) {
    const { status } = await postJson(url, "prismnet.v1.VpcService/ListVpcs", where, token);
    if (status === 200) return;
    late.throwIfAborted();
    await delay(50);
  }
}

async function disable(): Promise<void> {
  const request = { org_id: "system", id: person, user: { disabled: true }, update_mask: "disabled" };
  await must(urlAt(0), "iam.v1.UserService/UpdateUser", request, await adminToken());
}

async function unbind(id: string): Promise<void> {
  await must(urlAt(0), "iam.v1.RoleBindingService/DeleteRoleBinding", { id }, await adminToken());
}

interface Stream {
  readonly path: string;
  /** Resolves with its first message. */
  readonly opened: Promise<void>;
  /** Resolves with the code that it ends with. */
  readonly ended: Promise<string>;
  close(): void;
}

/** Every stream that tenants can open: the watch of each kind, and the log's. */
function openAll(url: string, token: string): readonly Stream[] {
  const watches = catalog().kinds.map((kind) => pathOf(kind.standard.watch));
  return [...watches, "chainfire.v1.EventService/WatchEvents"].map((path) => open(url, path, token));
}

function open(url: string, path: string, token: string): Stream {
  const over = new AbortController();
  const { promise: opened, resolve, reject } = Promise.withResolvers<void>();
  const read = async () => {
    for await (const message of messages(url, path, where, token, over.signal)) {
      if ("end" in message) return codeOf(message.end);
      resolve();
    }
    return "cut off";
  };
  const ended = read();
  ended.then((code) => reject(new Error(`${path} ended with ${code}`)), reject);
  opened.catch(() => undefined);
  return { path, opened, ended, close: () => over.abort() };
}

const where = { org_id: "system", project_id: "home" };

function codeOf(end: unknown): string {
  return String(Reflect.get(Object(Reflect.get(Object(end), "error")), "code") ?? "ok");
}

function kidOf(token: string): string {
  const [head = ""] = token.split(".");
  return String(JSON.parse(Buffer.from(head, "base64url").toString()).kid);
}

/** A console at the server whose simulated hypervisor has the machine, and the other server's address. */
async function consoleFor(token: string): Promise<readonly [Viewer, string]> {
  const vm = { ...where, name: `vm-${people}`, spec: { disks: [{ id: "root", size_gib: 4 }] } };
  const made = await call(urlAt(0), "plasmavmc.v1.VmService/CreateVm", vm, token, { "photon-wait-ms": "15000" });
  const asked = { ...where, vm_id: textOf(made.body, "id") };
  const errors: unknown[] = [];
  for (const [near, far] of [
    [0, 1],
    [1, 0],
  ] as const)
    try {
      const { url } = await must(urlAt(near), "plasmavmc.v1.ConsoleService/OpenConsole", asked, token);
      const viewer = new Viewer(String(url));
      await viewer.says("is simulated");
      return [viewer, urlAt(far)];
    } catch (error) {
      errors.push(error);
    }
  throw new AggregateError(errors, "neither server has the machine");
}
