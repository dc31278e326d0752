// Secrets that nobody else has are given to every kind that takes one, and looked for in all that Terraform and the provider leave behind.
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { exampleOf } from "../../provider/scripts/example-block.ts";
import { attributesOf } from "./every-field/subject.ts";
import { Workspace } from "./workspace.ts";

const canary = (what: string): string => `canary-${what}-${randomUUID()}`;
const given = catalog().kinds.flatMap((kind) => {
  const secrets = attributesOf(kind).filter((a) => a.writeOnly);
  return secrets.map(({ name }) => ({ kind, name, variable: `${kind.noun}_${name}`, secret: canary(kind.noun) }));
});

let cloud: TestCloud;
let workspace: Workspace;
let token: string;

const configuration = given
  .map(({ kind, name, variable }) => {
    const written = { [name]: `var.${variable}`, [`${name}_version`]: "var.turn" };
    return `variable "${variable}" {\n  ephemeral = true\n}\n${exampleOf(kind, written).hcl}`;
  })
  .join("\n");

beforeAll(async () => {
  cloud = await startTestCloud();
  await cloud.tenant("acme-corp", "project-alpha");
  token = await cloud.adminToken();
  const login = { url: cloud.url, token, orgId: "acme-corp", projectId: "project-alpha" };
  workspace = await Workspace.open(login, `variable "turn" {\n  default = 1\n}\n${configuration}`);
  for (const { variable, secret } of given) workspace.env[`TF_VAR_${variable}`] = secret;
  workspace.env.TF_LOG = "trace";
  workspace.env.TF_LOG_PATH = join(workspace.directory, "trace.log");
});

afterAll(async () => {
  workspace.close();
  await cloud.stop();
});

/** The texts in a zip archive, packed or not (APPNOTE.TXT, section 4.3.7): a saved plan is one. */
function unpacked(bytes: Buffer): string {
  const texts: string[] = [];
  for (let at = bytes.indexOf("PK\u0003\u0004"); at >= 0; at = bytes.indexOf("PK\u0003\u0004", at + 4)) {
    const data = at + 30 + bytes.readUInt16LE(at + 26) + bytes.readUInt16LE(at + 28);
    if (bytes.readUInt16LE(at + 8) === 8) texts.push(inflateRawSync(bytes.subarray(data)).toString("latin1"));
  }
  return texts.join("\n");
}

/** All that lies in the working directory, the journal of creations included. */
function leftBehind(folder = workspace.directory): string {
  const entries = readdirSync(folder, { withFileTypes: true }).filter(
    ({ name }) => name !== ".mirror" && name !== "providers",
  );
  const texts = entries.map((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return leftBehind(path);
    const bytes = entry.isFile() ? readFileSync(path) : Buffer.alloc(0);
    return bytes.toString("latin1") + (bytes.subarray(0, 2).toString() === "PK" ? unpacked(bytes) : "");
  });
  return texts.join("\n");
}

/** Makes the provider fall at its first call, with all that it was given at hand. */
const crashing = `
  const http = require("node:http");
  const { request } = http;
  http.request = (...given) => {
    setImmediate(() => { throw new Error("crash of the test"); });
    return request(...given);
  };
`;

/** A folder with a Node in it that runs the provider so. */
function crashingNode(): string {
  const folder = join(workspace.directory, "crashing");
  mkdirSync(folder);
  const first = join(folder, "first.cjs");
  writeFileSync(first, crashing);
  const script = `#!/bin/sh\nexec "${process.execPath}" --require "${first}" "$@"\n`;
  writeFileSync(join(folder, "node"), script, { mode: 0o755 });
  return folder;
}

function expectNoCanary(...told: readonly string[]): void {
  const everything = [leftBehind(), ...told].join("\n");
  for (const secret of [...given.map((g) => g.secret), token])
    for (const spelled of [secret, Buffer.from(secret).toString("base64").replace(/=+$/, "")])
      expect(everything.includes(spelled)).toBe(false);
}

test("no secret is in a state, a plan, a log, what a failure says, or what a crash leaves", async () => {
  expect(given.length).toBeGreaterThan(0);
  const told: string[] = [];
  const tell = async (...args: string[]) => {
    const { code, stdout, stderr } = await workspace.run(...args);
    told.push(stdout, stderr);
    return code;
  };
  expect(await tell("plan", "-input=false", "-out=saved")).toBe(0);
  expect(await tell("apply", "-input=false", "saved")).toBe(0);
  expect(await tell("apply", "-auto-approve", "-input=false", "-var=turn=2")).toBe(0);
  expect(existsSync(join(workspace.directory, "trace.log"))).toBe(true);
  const { PATH: path = "" } = workspace.env;
  workspace.env.PATH = `${crashingNode()}:${path}`;
  expect(await tell("apply", "-auto-approve", "-input=false", "-refresh=false", "-var=turn=3")).toBe(1);
  expect(told.join("\n")).toContain("crash of the test");
  workspace.env.PATH = path;
  // A provider that has nobody to talk to: what it says of a change that it could not make.
  workspace.env.PHOTON_ENDPOINT = "http://127.0.0.1:9";
  const late = `timeouts = { create = "1s", update = "1s", delete = "1s" }`;
  workspace.write(
    `variable "turn" {\n  default = 4\n}\n${configuration}`.replaceAll(/(_version = var\.turn)/g, `$1\n  ${late}`),
  );
  expect(await tell("apply", "-auto-approve", "-input=false", "-refresh=false")).toBe(1);
  expectNoCanary(...told);
});
