// photon login --provider as a person runs it: the device flow with the code that the command shows, and what the command says when it is refused.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import {
  clientId,
  clientSecret,
  openProvider,
  type TestProvider,
} from "../../server/src/services/iam/federation/testing/provider.ts";
import { ServerProcess, until } from "../terraform/server-process.ts";

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
    ...{ orgId: "acme", id: "corp", issuer: corp.issuer, clientId, clientSecret, createUsers: true },
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

/** A person's browser: one jar for each origin. */
class Person {
  readonly #jars = new Map<string, Map<string, string>>();

  async open(url: string, form?: Record<string, string>): Promise<string> {
    const { origin } = new URL(url);
    const jar = this.#jars.get(origin) ?? new Map<string, string>();
    this.#jars.set(origin, jar);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const send = form === undefined ? {} : { method: "POST", body: new URLSearchParams(form) };
    const answer = await fetch(url, { redirect: "manual", headers: { cookie }, ...send });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
      jar.set(name, value);
    }
    const location = answer.headers.get("location");
    return location === null ? answer.text() : this.open(new URL(location, url).href);
  }
}

test("a device is logged in by the code that it shows", async () => {
  const login = photon("login", "--endpoint", server.url, "--org", "acme", "--provider", "corp", "--device");
  await until("the code's appearance", async () => /[B-Z]{4}-[B-Z]{4}/.test(login.said()));
  const [code = ""] = /[B-Z]{4}-[B-Z]{4}/.exec(login.said()) ?? [];
  const person = new Person();
  const first = await person.open(`${server.url}/oauth2/device?user_code=${code}`);
  const [, link = ""] = /id="continue" href="([^"]+)"/.exec(first) ?? [];
  const asked = await person.open(new URL(link, server.url).href);
  const [, ticket = ""] = /name="ticket" value="([^"]+)"/.exec(asked) ?? [];
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

test("a provider that is not there is said in one sentence", async () => {
  const login = photon("login", "--endpoint", server.url, "--org", "acme", "--provider", "none", "--device");
  const [exitCode] = await once(login.child, "close");
  expect([exitCode, login.said()]).toEqual([
    2,
    expect.stringContaining("there is no such identity provider in that org"),
  ]);
}, 60_000);
