// photon login in a browser, as a person runs it: by the org's provider and by a password with a passkey, beside the command and for a device with the
// code that the command shows; and what the command says when it is refused.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { runPhoton } from "../../cli/src/testing/run.ts";
import { SoftwareAuthenticator } from "../../server/src/services/iam/account/testing/authenticator.ts";
import { type PasskeyPage, pressPasskey } from "../../server/src/services/iam/federation/testing/passkey-page.ts";
import {
  clientId,
  clientSecret,
  openProvider,
  type TestProvider,
} from "../../server/src/services/iam/federation/testing/provider.ts";
import { ServerProcess, until } from "../terraform/server-process.ts";
import { PageReader, ticketIn } from "./page-reader.ts";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "photon-login-"));
const server = new ServerProcess(["--hypervisor", "simulated"]);
let corp: TestProvider;

beforeAll(async () => {
  await server.start();
  corp = await openProvider([`${server.url}/oauth2/callback/acme/corp`]);
  corp.person = { sub: "carol-at-corp", email: "carol@acme.example", email_verified: true };
  await server.call("iam.v1.OrgService/CreateOrg", { id: "acme" });
  await server.call("iam.v1.IdentityProviderService/CreateIdentityProvider", {
    orgId: "acme",
    id: "corp",
    issuer: corp.issuer,
    clientId,
    clientSecret,
    createUsers: true,
  });
}, 120_000);

afterAll(async () => {
  await server.close();
  await corp.close();
  rmSync(folder, { recursive: true });
});

/** Runs `photon` and keeps what it says. */
function photon(...args: string[]): { readonly child: ChildProcess; readonly said: () => string } {
  const { PATH, HOME } = process.env;
  const words = ["--conditions=photon-source", "--no-warnings", join(root, "cli/src/start.ts"), ...args];
  const env = { PATH, HOME, XDG_CONFIG_HOME: folder };
  const child = spawn(process.execPath, words, { env, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
  return { child, said: () => text };
}

test("a device is logged in by the code that it shows", async () => {
  const login = photon("login", "--endpoint", server.url, "--org", "acme", "--provider", "corp", "--device");
  await until("the code's appearance", async () => /[B-Z]{4}-[B-Z]{4}/.test(login.said()));
  const [code = ""] = /[B-Z]{4}-[B-Z]{4}/.exec(login.said()) ?? [];
  const person = new PageReader();
  const first = await person.open(`${server.url}/oauth2/device?user_code=${code}`);
  const [, link = ""] = /id="continue" href="([^"]+)"/.exec(first) ?? [];
  const asked = await person.open(new URL(link, server.url).href);
  const ticket = ticketIn(asked);
  const done = once(login.child, "close");
  expect(await person.open(`${server.url}/oauth2/device/decision`, { ticket, decision: "allow" })).toContain(
    "The device is in",
  );
  const [exitCode] = await done;
  expect([exitCode, login.said()]).toEqual([0, expect.stringContaining("as carol; context default")]);
  const whoami = photon("whoami", "-o", "json");
  await once(whoami.child, "close");
  expect(JSON.parse(whoami.said())).toMatchObject({ principal: { id: "carol", orgId: "acme" } });
  expect(readFileSync(join(folder, "photoncloud/contexts.json"), "utf8")).not.toContain(clientSecret);
}, 120_000);

const password = "a quite long phrase";

/** Where a page leads that a person follows. */
function linkIn(body: string): string {
  const [, link = ""] = /id="continue" href="([^"]+)"/.exec(body) ?? [];
  return new URL(link.replaceAll("&amp;", "&"), server.url).href;
}

/** Types the password on the cloud's page. */
function enter(person: PageReader, page: string, user: string): Promise<PasskeyPage> {
  return person.show(`${server.url}/oauth2/login`, { ticket: ticketIn(page), user, password });
}

async function someone(id: string): Promise<void> {
  await server.call("iam.v1.UserService/CreateUser", { orgId: "acme", id, password });
}

/** Makes a passkey at the address that a command prints. */
async function makePasskey(user: string, key: SoftwareAuthenticator): Promise<void> {
  const person = new PageReader();
  const first = await person.open(`${server.url}/oauth2/passkey?org_id=acme&login_hint=${user}`);
  const form = await pressPasskey(await enter(person, first, user), key);
  expect(await person.open(`${server.url}/oauth2/passkey`, form)).toContain("The passkey is enrolled");
}

/** Goes through the cloud's pages from an address, with a passkey, to the last one. */
async function goThrough(address: string, user: string, key: SoftwareAuthenticator): Promise<[PageReader, string]> {
  const person = new PageReader();
  const asked = await enter(person, await person.open(address), user);
  return [person, await person.open(`${server.url}/oauth2/login/factor`, await pressPasskey(asked, key))];
}

const printedAddress = /(http\S+\/oauth2\/authorize\S+)/;

test("a passkey logs in by photon login --web, beside the command (RFC 8252)", async () => {
  await someone("dora");
  const key = new SoftwareAuthenticator(server.url);
  await makePasskey("dora", key);
  const login = photon(
    "login",
    "--endpoint",
    server.url,
    "--org",
    "acme",
    "--principal",
    "dora",
    "--web",
    "--no-browser",
  );
  await until("the address", async () => printedAddress.test(login.said()));
  const [, address = ""] = printedAddress.exec(login.said()) ?? [];
  const done = once(login.child, "close");
  const [person, last] = await goThrough(address, "dora", key);
  expect(await person.open(linkIn(last))).toContain("go back to the terminal");
  expect([await done, login.said()]).toEqual([[0, null], expect.stringContaining("as dora; context default")]);
}, 120_000);

test("a passkey logs a device in (RFC 8628)", async () => {
  await someone("erik");
  const key = new SoftwareAuthenticator(server.url);
  await makePasskey("erik", key);
  const login = photon("login", "--endpoint", server.url, "--org", "acme", "--device");
  await until("the code's appearance", async () => /[B-Z]{4}-[B-Z]{4}/.test(login.said()));
  const [code = ""] = /[B-Z]{4}-[B-Z]{4}/.exec(login.said()) ?? [];
  const done = once(login.child, "close");
  const shown = await new PageReader().open(`${server.url}/oauth2/device?user_code=${code}`);
  const [person, asked] = await goThrough(linkIn(shown), "erik", key);
  await person.open(`${server.url}/oauth2/device/decision`, { ticket: ticketIn(asked), decision: "allow" });
  expect([await done, login.said()]).toEqual([[0, null], expect.stringContaining("as erik; context default")]);
}, 120_000);

test("a passkey's owner who typed the password goes on in a browser, or gives a recovery code", async () => {
  await someone("fay");
  const key = new SoftwareAuthenticator(server.url);
  await makePasskey("fay", key);
  let went: Promise<string> | undefined;
  const answers = [password, ""];
  const { code, err } = await runPhoton(`login --endpoint ${server.url} --org acme --principal fay --no-browser`, {
    env: { XDG_CONFIG_HOME: join(folder, "fay") },
    ask: () => answers.shift() ?? "",
    onErr: (text) => {
      const [, address] = printedAddress.exec(text) ?? [];
      if (address !== undefined)
        went ??= goThrough(address, "fay", key).then(([person, last]) => person.open(linkIn(last)));
    },
  });
  expect([code, err]).toEqual([0, expect.stringContaining("as fay; context default")]);
  await went;
  const piped = await runPhoton(`login --endpoint ${server.url} --org acme --principal fay`, {
    env: { XDG_CONFIG_HOME: join(folder, "fay") },
    stdin: password,
  });
  expect([piped.code, piped.err]).toEqual([2, expect.stringContaining("photon login --web")]);
}, 120_000);

test("a provider that is not there is said in one sentence", async () => {
  const login = photon("login", "--endpoint", server.url, "--org", "acme", "--provider", "none", "--device");
  const [exitCode] = await once(login.child, "close");
  expect([exitCode, login.said()]).toEqual([
    2,
    expect.stringContaining("there is no such identity provider in that org"),
  ]);
}, 60_000);
