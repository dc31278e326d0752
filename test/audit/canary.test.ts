// Canaries: every secret of a whole story, sent to a server that logs all it can. None is in its log, its event log, an error's answer or its database,
// and none in what the command line prints.
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { runPhoton } from "../../cli/src/testing/run.ts";
import { openProvider, type TestProvider } from "../../server/src/services/iam/federation/testing/provider.ts";
import { secretOf } from "../../server/src/services/iam/testing/accounts.ts";
import { isJson } from "../isolation/calls.ts";
import { freePort, until } from "../terraform/server-process.ts";
import { eventsOf } from "./log.ts";
import { org, project, rivalOrg, Story, userData } from "./story.ts";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "photon-canary-"));
const startMs = 90_000;
let provider: TestProvider;
let story: Story;
let url = "";
let admin = "";
let log = "";
let printed = "";
let events = "";
let endServer = async () => {};

/** Its name, and what it is. */
type Canary = readonly [string, string];

/** What must be nowhere, by its name. What authenticator apps are given in base32 could be kept in another writing. */
const canaries = (): readonly Canary[] =>
  [...story.secrets].flatMap(([name, secret]): Canary[] =>
    name.startsWith("TOTP seed") ? [[name, secret], ...writings(name, secretOf(secret))] : [[name, secret]],
  );

function writings(name: string, bytes: Uint8Array): Canary[] {
  const encodings = ["base64url", "base64", "hex", "latin1"] as const;
  return encodings.map((encoding) => [`${name} as ${encoding}`, Buffer.from(bytes).toString(encoding)]);
}

function found(text: string, more: readonly Canary[] = []): readonly string[] {
  return [...canaries(), ...more].filter(([, secret]) => text.includes(secret)).map(([name]) => name);
}

function tokenIn(answer: unknown): string {
  return isJson(answer) ? String(answer.token) : "";
}

async function start(): Promise<void> {
  const masterKey = join(folder, "master-key");
  writeFileSync(masterKey, "ab".repeat(32), { mode: 0o600 });
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  const flags = [
    "--dev",
    "--network",
    "simulated",
    "--hypervisor",
    "simulated",
    "--data",
    folder,
    "--master-key-file",
    masterKey,
  ];
  const args = ["--conditions=photon-source", "cli/src/start.ts", "server", ...flags, "--listen", `127.0.0.1:${port}`];
  const child = spawn(process.execPath, [...args, "--log-level", "trace"], { cwd: root });
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      log += chunk.toString();
    });
  const gone = new Promise((resolve) => child.once("close", resolve));
  endServer = async () => {
    child.kill("SIGTERM");
    await gone;
  };
  await until("the server's start", async () => (await fetch(`${url}/readyz`)).ok);
}

/** Runs the command line as the org's administrator. */
async function photon(line: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
  const own = { PHOTON_ENDPOINT: url, PHOTON_TOKEN: story.readers.org, PHOTON_ORG: org, PHOTON_PROJECT: project };
  const run = await runPhoton(line, { env: { ...own, ...env }, now: Date.now() });
  printed += `${run.out}\n${run.err}\n`;
}

beforeAll(async () => {
  provider = await openProvider([]);
  await start();
  const { password } = JSON.parse(readFileSync(join(folder, "admin.json"), "utf8"));
  const body = JSON.stringify({ orgId: "system", principalId: "admin", password });
  const headers = { "content-type": "application/json" };
  const login = await fetch(`${url}/iam.v1.IamTokenService/IssueToken`, { method: "POST", headers, body });
  admin = tokenIn(await login.json());
  story = new Story(url, admin, provider);
  story.secrets.set("the administrator's password", password);
  await story.tell();
  const logs = [
    await eventsOf(url, {}, admin),
    await eventsOf(url, { org_id: org }, story.readers.org),
    await eventsOf(url, { org_id: rivalOrg }, story.readers.rival),
  ];
  events = JSON.stringify(logs);
  const secret = { PHOTON_USER_PASSWORD: "canary-password-of-cleo" };
  story.secrets.set("password of the command line", secret.PHOTON_USER_PASSWORD);
  await photon("user create --id cleo -o json", secret);
  await photon("user create --id cleo", secret);
  await photon("user create --id 'Not An Id'", { PHOTON_USER_PASSWORD: "canary-password-of-cleo" });
  for (const format of ["table", "json"])
    for (const line of [
      "user list",
      "identity-provider list",
      "service-account-key list",
      "invitation list",
      "events list",
    ])
      await photon(`${line} -o ${format}`);
  await endServer();
}, startMs);
afterAll(async () => {
  await endServer();
  await provider.close();
  rmSync(folder, { recursive: true, force: true });
});

test("the story has every sort of secret", () => {
  const sorts = new Set(canaries().map(([name]) => name.replace(/ \d+.*$/, "")));
  const wanted = [
    ...["password", "key secret", "TOTP seed", "recovery code", "client secret", "invitation", "join token"],
    ...["refresh token", "access token", "identity token", "console ticket", "device code"],
  ];
  expect([...sorts]).toEqual(expect.arrayContaining(wanted));
  for (const [name, secret] of canaries()) expect({ name, isLong: secret.length >= 9 }).toEqual({ name, isLong: true });
});

describe("no secret is in", () => {
  const inLog: readonly Canary[] = [["user data", userData]];

  test("the server's log", () => {
    expect(log).toContain("iam.v1.IamTokenService/IssueToken");
    expect(found(log, inLog)).toEqual([]);
  });

  test("anybody's event log", () => {
    expect(events).toContain("EVENT_TYPE_LOGIN_FAILED");
    expect(events).toContain("plasmavmc.v1.Vm");
    expect(found(events, inLog)).toEqual([]);
  });

  test("an error's answer", () => {
    expect(story.errors.length).toBeGreaterThan(5);
    expect(found(story.errors.join("\n"), inLog)).toEqual([]);
  });

  test("what the command line prints", () => {
    expect(printed).toContain("cleo");
    expect(found(printed)).toEqual([]);
  });

  test("the database's files", () => {
    const files = readdirSync(folder).filter((name) => name.startsWith("store.db"));
    expect(files).toContain("store.db");
    const bytes = files.map((name) => readFileSync(join(folder, name), "latin1")).join("\n");
    expect(bytes).toContain("iam.v1.IdentityProvider");
    expect(found(bytes)).toEqual([]);
  });
});
