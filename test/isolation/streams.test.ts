// Streams and the log: who watches their own tenant sees nothing of anybody else's, whatever happens there.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { catalog, Scope } from "@photoncloud/proto";
import { call, type Json, messages, missing, opened, pathOf } from "./calls.ts";
import { type Caller, create, isShared, must, type Place, startWorld, tenantOf, type World } from "./world.ts";

const events = "chainfire.v1.EventService";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.cloud.stop());

const callers: readonly (readonly [string, () => Caller])[] = [
  ["a foreign project's administrator", () => world.foreignProjectAdmin],
  ["a foreign org's administrator", () => world.foreignOrgAdmin],
  ["the other project's administrator", () => world.neighbour],
];
const projectKinds = catalog().kinds.filter(
  (kind) => (kind.scope === Scope.PROJECT || kind.scope === Scope.ANY) && !isShared(kind),
);
const scope = ({ orgId, projectId }: Place): Json => ({ org_id: orgId, project_id: projectId });

/** Everything that only the owner has: ids that were drawn. */
function secrets(): readonly string[] {
  return [...world.owner.ids.values()].filter((id) => id.length > 25);
}

/** Follows a stream until something of that name is in it; answers all that was said up to then. `act` makes it happen once the stream is open. */
async function until(path: string, body: Json, token: string, name: string, act: () => Promise<unknown>) {
  const over = new AbortController();
  const seen: string[] = [];
  // A stream of events says nothing until something happens: with a cursor of now it begins there all the same.
  let acted = body.cursor === undefined ? undefined : act();
  for await (const message of messages(world.url, path, body, token, over.signal)) {
    seen.push(JSON.stringify(message));
    if (message.change === "CHANGE_BOOKMARK") acted ??= act();
    if (seen.at(-1)?.includes(`"${name}`)) break;
  }
  over.abort();
  await acted;
  return seen.join("\n");
}

/** A name of its own for each test. */
let names = 0;
const nextName = () => `mark-${++names}x`;

/** Makes, changes and deletes one of a kind in the owner's project, then one in the watcher's. */
async function stir(kind: (typeof projectKinds)[number], home: Place, marker: string): Promise<void> {
  const { url, admin, owner } = world;
  const tag = `their-${marker}`;
  const id = await create(url, admin, kind, withPort(kind.noun, owner, await freePort(kind.noun, owner, tag)), tag);
  const target = { ...tenantOf(kind, owner), id };
  await must(url, pathOf(kind.standard.update), { ...target, [kind.noun]: { labels: { theirs: "yes" } } }, admin);
  await must(url, pathOf(kind.standard.delete), target, admin);
  await create(url, admin, kind, withPort(kind.noun, home, await freePort(kind.noun, home, marker)), marker);
}

/** A machine and an elastic IP take a port of their own; whose grant it is, a binding may say but once. */
async function freePort(noun: string, place: Place, tag: string): Promise<string> {
  if (takesPort(noun)) return create(world.url, world.admin, kindOf("port"), place, `port-of-${tag}`);
  if (noun === "role_binding") return create(world.url, world.admin, kindOf("role"), place, `role-of-${tag}`);
  return "";
}

const takesPort = (noun: string) => noun === "vm" || noun === "elastic_ip";

function withPort(noun: string, place: Place, id: string): Place {
  if (id === "") return place;
  return { ...place, ids: new Map([...place.ids, [takesPort(noun) ? "prismnet.v1.Port" : "iam.v1.Role", id]]) };
}

function kindOf(noun: string) {
  const kind = catalog().byNoun(noun);
  if (kind === undefined) throw new Error(`there is no kind ${noun}`);
  return kind;
}

describe.each(callers)("%s", (_, callerOf) => {
  test.each(projectKinds.map((kind) => [kind.noun, kind] as const))(
    "watches %s and sees its own alone",
    async (__, kind) => {
      const { home, token } = callerOf();
      const marker = nextName();
      const path = pathOf(kind.standard.watch);
      const said = await until(path, scope(home), token, marker, () => stir(kind, home, marker));
      for (const secret of secrets()) expect(said).not.toContain(secret);
      expect(said).not.toContain("their-");
    },
  );

  test("watches events and sees its own alone, in a project and in a whole org", async () => {
    const { home, token } = callerOf();
    const vpc = kindOf("vpc");
    const wide = callerOf() === world.foreignOrgAdmin ? [{ org_id: home.orgId }] : [];
    for (const where of [scope(home), ...wide]) {
      const { cursor } = await must(world.url, pathOf(vpc.standard.list), scope(home), world.admin);
      const marker = nextName();
      const body = { ...where, cursor };
      const said = await until(`${events}/WatchEvents`, body, token, marker, () => stir(vpc, home, marker));
      for (const secret of secrets()) expect(said).not.toContain(secret);
      expect(said).not.toContain("their-");
    }
  });

  test("lists events of its own alone, a stranger's resource being as good as none", async () => {
    const { home, token } = callerOf();
    const list = (body: Json) =>
      call(world.url, `${events}/ListEvents`, { ...scope(home), page_size: 1000, ...body }, token);
    const all = await list({});
    expect(all.code).toBe("ok");
    for (const secret of secrets()) expect(all.text).not.toContain(secret);
    for (const id of secrets()) {
      const { events: of } = (await list({ resource_id: id })).body;
      expect(of).toEqual((await list({ resource_id: missing(id) })).body.events);
      expect(of).toBeUndefined();
    }
  });

  test("is denied the owner's events, and the whole cloud's", async () => {
    const { token } = callerOf();
    for (const where of [scope(world.owner), { org_id: "acme" }, {}])
      for (const method of ["ListEvents", "WatchEvents"]) {
        const ask = method === "ListEvents" ? call : opened;
        expect(await ask(world.url, `${events}/${method}`, where, token)).toMatchObject({ code: "permission_denied" });
      }
  });
});

test("a viewer lists the project's events, and none of the org's", async () => {
  const { token } = world.viewer;
  expect(await call(world.url, `${events}/ListEvents`, scope(world.owner), token)).toMatchObject({ code: "ok" });
  expect(await call(world.url, `${events}/ListEvents`, { org_id: "acme" }, token)).toMatchObject({
    code: "permission_denied",
  });
});

test("whether the network is as it should be is the operators' alone to ask", async () => {
  const ask = (token?: string) => call(world.url, "prismnet.v1.NetworkService/CheckNetwork", {}, token);
  for (const { token } of [...callers.map(([, callerOf]) => callerOf()), world.viewer])
    expect(await ask(token)).toMatchObject({ code: "permission_denied" });
  expect(await ask()).toMatchObject({ code: "unauthenticated" });
  expect(await ask(world.admin)).toMatchObject({ code: "ok" });
});

describe.each(callers)("%s asks what is used, and", (_, callerOf) => {
  const usage = (body: Json, token: string) => call(world.url, "creditservice.v1.UsageService/GetUsage", body, token);

  test("is told nothing of another scope, be it there or not", async () => {
    const { token } = callerOf();
    const there = scope(world.owner);
    for (const where of [there, { org_id: there.org_id }]) {
      const never = { ...where, org_id: "never" };
      const [known, unknown] = [await usage(where, token), await usage(never, token)];
      expect(known).toMatchObject({ code: "permission_denied" });
      expect(unknown).toMatchObject({ code: "permission_denied" });
    }
  });

  test("finds nothing counted in its own project that others made", async () => {
    const { home, token } = callerOf();
    const before = await usage(scope(home), token);
    expect(before).toMatchObject({ code: "ok" });
    await create(world.url, world.admin, kindOf("vpc"), world.owner, `their-${nextName()}`);
    expect((await usage(scope(home), token)).body).toEqual(before.body);
  });
});

/** Services that manage no kind: their methods have cases in this folder, by name. */
const elsewhere: Readonly<Record<string, readonly string[]>> = {
  "prismnet.v1.NetworkService": ["CheckNetwork"],
  // What can be limited is told to whoever is logged in: it is the catalog's.
  "creditservice.v1.UsageService": ["GetUsage", "ListDimensions"],
  // In test/compute/agents.test.ts.
  "plasmavmc.v1.HostJoiningService": ["CreateJoinToken", "JoinHost"],
  "chainfire.v1.EventService": ["ListEvents", "WatchEvents"],
  "plasmavmc.v1.ConsoleService": ["OpenConsole", "ReadConsoleLog"],
  "plasmavmc.v1.VmExportService": ["ExportVm"],
  "iam.v1.IamAccountService": [
    ...["ChangePassword", "StartSecondFactor", "ProveSecondFactor", "EnrollTotp", "ConfirmTotp", "EnrollPasskey"],
    ...["ConfirmPasskey", "ListFactors", "RemoveFactor", "RenewRecoveryCodes", "ResetFactors"],
  ],
  "iam.v1.IamTokenService": [
    ...["IssueToken", "ValidateToken", "RefreshToken", "RevokeToken", "ListSessions", "ExchangeToken"],
    ...["IssueIdentityToken", "AttenuateToken", "ListPrincipalSessions", "RevokeSessions", "OpenBreakGlass", "WhoAmI"],
  ],
  "iam.v1.IamAuthzService": ["Authorize", "TestPermissions", "Explain", "WhoCan", "ListUnusedPermissions"],
  "iam.v1.OrgJoiningService": ["PreviewInvitation", "AcceptInvitation"],
};

test("every service that manages no kind has its cases here, in accounts.test.ts, tokens.test.ts, escalation.test.ts or consoles.test.ts", () => {
  const ofKinds = new Set(catalog().kinds.map(({ service }) => service));
  const others = catalog().services.filter((service) => !ofKinds.has(service));
  const named = Object.fromEntries(others.map(({ typeName, methods }) => [typeName, methods.map(({ name }) => name)]));
  expect(named).toEqual(elsewhere);
});
