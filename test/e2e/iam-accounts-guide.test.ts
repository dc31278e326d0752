// docs/guides/iam-accounts.md, command by command in its order, each by the person who types it. A command of the guide that nobody plays fails, and so
// does a play that the guide has no command for.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { postJson, startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import type { Run } from "../../cli/src/testing/run.ts";
import { SoftwareAuthenticator } from "../../server/src/services/iam/account/testing/authenticator.ts";
import { pressPasskey } from "../../server/src/services/iam/federation/testing/passkey-page.ts";
import { twoCodes } from "../../server/src/services/iam/testing/accounts.ts";
import { until } from "../terraform/server-process.ts";
import { blocksOf, commandsOf, wordsOf } from "./guide.ts";
import { PageReader } from "./page-reader.ts";
import { Person, type Typed } from "./terminal-person.ts";

const guide = "iam-accounts.md";
const folder = mkdtempSync(join(tmpdir(), "photon-guide-"));
const opened = join(folder, "opened");
const [password, changed] = ["a quite long phrase", "another quite long phrase"];
const admin = new Person("admin", folder);
/** Administers acme; zoe is invited; anna and boris keep the glass. */
const [ada, zoe, anna, boris] = ["ada", "zoe", "anna", "boris"].map(
  (name) => new Person(name, folder, { PATH: `${folder}:${process.env.PATH}` }),
);
let cloud: TestCloud;
let invitation = "";
/** What the authenticator app shows next. */
let nextCode = "";
let recoveryCode = "";

interface Play {
  readonly by: Person | undefined;
  readonly types?: readonly Typed[];
  /** What stands for the guide's …: the id as the command before it showed it. */
  readonly id?: () => Promise<string>;
  readonly env?: () => Record<string, string>;
  /** What it must say, on its output or beside it. */
  readonly says?: RegExp;
  /** Looked at or done afterwards. */
  readonly after?: (run: Run) => Promise<void> | void;
  /** Of a command that goes on until it is stopped: what it is to tell of. */
  readonly meanwhile?: () => Promise<unknown>;
}

const idIn = (pattern: RegExp, { out }: Run) => pattern.exec(out)?.[0] ?? "";

async function lastOf(person: Person | undefined, list: string, pattern: RegExp): Promise<string> {
  return [...((await person?.does(list))?.out ?? "").matchAll(pattern)].at(-1)?.[0] ?? "";
}

const glass = /glass-[a-z0-9]+/;
let broken = "";
const theGlass = async () => broken;

/** The browser that the command opened goes through the cloud's pages. */
async function makePasskey(): Promise<void> {
  const reader = new PageReader();
  const first = await reader.show(readFileSync(opened, "utf8").trim());
  const half = await reader.send(first, `${cloud.url}/oauth2/login`, { user: "zoe", password: changed });
  const page = await reader.send(half, `${cloud.url}/oauth2/login/factor`, { code: nextCode });
  const form = await pressPasskey(page, new SoftwareAuthenticator(cloud.url));
  expect((await reader.show(`${cloud.url}/oauth2/passkey`, form)).body).toContain("The passkey is enrolled");
}

const atCloud = () => ({ PHOTON_INVITATION: invitation });

const plays: Readonly<Record<string, Play>> = {
  'photon invitation create --org acme --email zoe@acme.example --roles \'{"roleId":"ProjectMember","projectId":"web"}\' --group-ids developers':
    { by: ada, says: /token/ },
  "photon invitation list": { by: ada, says: /ACCEPTED AS/ },
  "photon invitation delete invitation-…": {
    by: ada,
    id: () => lastOf(ada, "invitation list", /invitation-[a-z0-9]+/g),
    after: invite,
  },
  "photon invitation preview --endpoint https://cloud.example:50080": {
    by: zoe,
    env: atCloud,
    says: /user:acme\/ada invites you to .*acme/,
  },
  "photon invitation accept --endpoint https://cloud.example:50080 --user zoe": {
    by: zoe,
    env: atCloud,
    types: [password],
    after: async () => {
      await zoe?.types(password).does(`login --endpoint ${cloud.url} --org acme --project web --principal zoe`);
    },
  },
  "photon password": { by: zoe, types: [password, changed] },
  "photon org update acme --account-policy.min-password-length 16 --account-policy.password-history 5": { by: ada },
  'photon mfa enroll --name "my phone"': {
    by: zoe,
    types: [
      (_, err) => {
        const [first, second] = twoCodes(/\n {2}([A-Z2-7]{32})\n/.exec(err)?.[1] ?? "");
        nextCode = second;
        return first;
      },
    ],
    says: /recovery codes/,
    after: ({ out }) => {
      recoveryCode = out.trim().split("\n")[0] ?? "";
    },
  },
  'photon mfa enroll --passkey --name "blue key"': {
    by: zoe,
    says: /make a passkey at/,
    after: async () => {
      await until("the browser's start", async () => existsSync(opened));
      await makePasskey();
    },
  },
  "photon mfa list": { by: zoe, says: /my phone[\s\S]*blue key/ },
  "photon mfa prove": { by: zoe, types: [() => recoveryCode], says: /counts as fresh/ },
  "photon mfa recovery-codes": { by: zoe, says: /recovery codes/ },
  "photon mfa remove factor-…": { by: zoe, id: () => lastOf(zoe, "mfa list", /factor-[\w-]+/g) },
  "photon org update acme --account-policy.mfa-required": { by: ada },
  "photon session list": { by: ada, says: /password/ },
  "photon session revoke session-…": { by: ada, id: () => lastOf(ada, "session list", /session-[\w-]+/g) },
  "photon session list --principal alice": { by: ada, says: /session-/ },
  "photon session revoke --all --principal alice": { by: ada },
  "photon token narrow --action compute:vms:get --action compute:vms:start --resource org/acme/project/web/vm/vm-1 --ttl 600":
    { by: ada, says: /^ey/ },
  "photon service-account-key create --service-account-id deployer --expire-time 2031-01-01T00:00:00Z": {
    by: ada,
    says: /pck_/,
  },
  "photon service-account-key list": { by: ada, says: /deployer/ },
  "photon role-binding create --org '' --principal user:system/anna --role-id BreakGlassKeeper": { by: admin },
  'photon break-glass create --reason "the identity provider is down"': {
    by: anna,
    after: (run) => {
      broken = idIn(glass, run);
    },
  },
  "photon break-glass approve glass-…": { by: boris, id: theGlass },
  "photon break-glass open glass-…": { by: anna, id: theGlass, says: /break-glass/ },
  "photon break-glass end glass-…": { by: boris, id: theGlass },
  "photon events list --decision denied": { by: ada, says: /DECIDED BY/ },
  "photon events list --project '' --actor user:acme/zoe --since 2026-01-31T00:00:00Z": {
    by: ada,
    says: /user:acme\/zoe/,
  },
  "photon events watch --project '' --method iam.v1.RoleBindingService/CreateRoleBinding": {
    by: ada,
    says: /CreateRoleBinding/,
    meanwhile: () => bind("user:acme/alice", "ProjectViewer"),
  },
};

/** Another one in the place of the one that was taken back. */
async function invite(): Promise<void> {
  const roles = '{"roleId":"ProjectMember","projectId":"web"}';
  const made = await ada?.does(["invitation", "create", "--email", "zoe@acme.example", "--roles", roles, "-o", "json"]);
  invitation = String(JSON.parse(made?.out ?? "{}").token);
}

async function call(method: string, body: unknown): Promise<void> {
  const answer = await postJson(cloud.url, `iam.v1.${method}`, body, await cloud.adminToken());
  if (answer.status !== 200) throw new Error(`${method}: ${JSON.stringify(answer.body)}`);
}

function bind(principal: string, roleId: string): Promise<void> {
  return call("RoleBindingService/CreateRoleBinding", { org_id: "acme", principal, role_id: roleId });
}

beforeAll(async () => {
  for (const name of ["xdg-open", "open"]) {
    writeFileSync(join(folder, name), `#!/bin/sh\nprintf '%s' "$1" > ${opened}.new && mv ${opened}.new ${opened}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  cloud = await startTestCloud();
  await admin.types(cloud.admin.password).does(`login --endpoint ${cloud.url} --org system --principal admin`);
  await call("OrgService/CreateOrg", { id: "acme" });
  await call("ProjectService/CreateProject", { org_id: "acme", id: "web" });
  await call("GroupService/CreateGroup", { org_id: "acme", id: "developers" });
  await call("ServiceAccountService/CreateServiceAccount", { org_id: "acme", id: "deployer" });
  for (const id of ["ada", "alice"]) await call("UserService/CreateUser", { org_id: "acme", id, password });
  for (const id of ["anna", "boris"]) await call("UserService/CreateUser", { org_id: "system", id, password });
  await bind("user:acme/ada", "OrgAdmin");
  await call("RoleBindingService/CreateRoleBinding", { principal: "user:system/boris", role_id: "BreakGlassKeeper" });
  for (const person of [anna, boris])
    await person?.types(password).does(`login --endpoint ${cloud.url} --org system --principal ${person.name}`);
  const alice = new Person("alice", folder);
  for (const person of [ada, ada, alice])
    await person
      ?.types(password)
      .does(`login --endpoint ${cloud.url} --org acme --project web --principal ${person.name}`);
}, 120_000);

afterAll(async () => {
  await cloud.stop();
  rmSync(folder, { recursive: true });
});

const nothing: Run = { code: 1, out: "", err: "" };

/** Runs a command until what happens meanwhile was told. */
async function watched(play: Play, words: readonly string[]): Promise<Run> {
  const stop = new AbortController();
  const timer = setInterval(() => void play.meanwhile?.().catch(() => undefined), 500);
  const run = play.by?.run(
    words,
    {},
    {
      signal: stop.signal,
      onOut: (out) => {
        if (play.says?.test(out) === true) stop.abort();
      },
    },
  );
  return Promise.resolve(run)
    .finally(() => clearInterval(timer))
    .then((done) => done ?? nothing);
}

async function perform(command: string, play: Play): Promise<void> {
  const id = (await play.id?.()) ?? "";
  const here = command.replace("https://cloud.example:50080", cloud.url).replace(/\S+-…/, id);
  const words = wordsOf(here).slice(1);
  play.by?.types(...(play.types ?? []));
  const run = play.meanwhile ? await watched(play, words) : await play.by?.does(words, play.env?.() ?? {});
  if (play.says) expect(`${run?.out}${run?.err}`).toMatch(play.says);
  if (run) await play.after?.(run);
}

test("every command of the guide is played, and each works", async () => {
  const commands = commandsOf(guide);
  expect(commands.toSorted()).toEqual(Object.keys(plays).toSorted());
  expect(blocksOf(guide).filter(({ language }) => language !== "sh")).toEqual([]);
  for (const command of commands) {
    const play = plays[command];
    if (play !== undefined)
      await perform(command, play).catch((cause: unknown) => {
        throw new Error(`the guide's command ${command}: ${cause instanceof Error ? cause.message : cause}`, { cause });
      });
  }
}, 120_000);
