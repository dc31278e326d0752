// The command as people read it: help and output in golden files, against a mock cloud that stands still in time.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { PhotonError } from "@photoncloud/sdk";
import { mockCloud } from "@photoncloud/sdk/testing";
import nock from "nock";
import { golden } from "./testing/golden.ts";
import { type RunOptions, runPhoton } from "./testing/run.ts";

const folder = mkdtempSync(join(tmpdir(), "photon-cli-"));
const mock = mockCloud("http://cloud.test");
const env = {
  PHOTON_ENDPOINT: mock.endpoint,
  PHOTON_TOKEN: "the-token",
  PHOTON_ORG: "acme-corp",
  PHOTON_PROJECT: "project-alpha",
  XDG_CONFIG_HOME: folder,
};
const created = new Date("2026-01-31T12:00:00Z");
const now = created.getTime() + 7_200_000;
const tenant = { orgId: "acme-corp", projectId: "project-alpha", createTime: created, updateTime: created };

beforeEach(() => {
  mock.reset();
  nock.disableNetConnect();
  nock(mock.endpoint).persist().post(/.+/).reply(mock.nockReply);
  mock.put("vpcs", { ...tenant, id: "vpc-00000000000000000000000001", name: "main", cidr: "10.0.0.0/16" });
  const rules = {
    http: { direction: "ingress", protocol: "tcp", portRange: { first: 80 }, remoteCidr: "0.0.0.0/0" },
  } as const;
  mock.put("securityGroups", { ...tenant, id: "sg-00000000000000000000000001", name: "web", rules });
  const spec = {
    cpu: 2,
    memory: 2048,
    disks: [{ id: "root", sizeGib: 10 }],
    network: [],
    sshKeys: [],
    bootOrder: [],
    placementGroupIds: [],
    hostLabels: {},
  };
  mock.put("vms", {
    ...tenant,
    id: "vm-00000000000000000000000001",
    name: "web-1",
    spec,
    powerState: "running",
    state: "running",
  });
});
// Jest shares Node's own modules between test files: without this, files that run later would still go through nock.
afterAll(() => nock.restore());
afterEach(() => {
  nock.cleanAll();
  nock.enableNetConnect();
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (line: string | readonly string[], options: RunOptions = {}) => runPhoton(line, { env, now, ...options });

/** Runs lines one after the other and writes down what each printed. */
async function transcript(lines: readonly string[], options: RunOptions = {}): Promise<string> {
  let text = "";
  for (const line of lines) {
    const { out, err, code } = await run(line, options);
    text += `$ photon ${line}\n${out}${err}${code === 0 ? "" : `(exit code ${code})\n`}\n`;
  }
  return text;
}

describe("what people read", () => {
  const pages: Readonly<Record<string, readonly string[]>> = {
    help: [
      "--help",
      "vpc --help",
      "vpc create --help",
      "vm create --help",
      "security-group update --help",
      "user create --help",
      "port attach-device --help",
      "login --help",
      "events watch --help",
    ],
    output: [
      "vpc list",
      "vpc get main",
      "vm list",
      "vm get web-1",
      "security-group get web",
      "vpc list -o json --filter 'name = \"other\"'",
      "vm get web-1 -o yaml --project other",
      "vpc delete main",
    ],
    errors: [
      "vpc create --name x",
      "vpc create --name Bad --cidr 10.0.0.0/33",
      "vpc create --name main --cidr 10.0.0.0/16",
      "vpc get nothing",
      "vpc get vpc-00000000000000000000000009",
      "vpc update main",
      "vm create --name a --spec.cpu two",
      "vm create --name a --power-state off",
      "subnet create --name a --vpc-id nothing",
      "vpc update main --labels a=b --etag 99",
      "vpc list --colour red",
      "volcano list",
      "vpc list --timeout soon",
      "vpc list --context nowhere",
    ],
  };
  test.each(Object.keys(pages))("is as in %s.golden.txt", async (page) => {
    const text = await transcript(pages[page] ?? []);
    expect(text).toBe(golden(join(import.meta.dirname, `${page}.golden.txt`), text));
  });
});

describe("create and update", () => {
  test("flags reach nested fields, lists, maps, enums and references by name", async () => {
    const flags =
      "--rules 'ssh={direction: ingress, protocol: tcp, port_range: {first: 22}}' --labels a=b=c --labels d= --description 'a b'";
    expect((await run(`security-group create --name db ${flags}`)).code).toBe(0);
    expect(mock.all("securityGroups").at(-1)).toMatchObject({
      labels: { a: "b=c", d: "" },
      description: "a b",
      rules: { ssh: { direction: "ingress", protocol: "tcp", portRange: { first: 22 } } },
    });
    expect(
      (
        await run(
          "subnet create --name app --vpc-id main --dhcp-enabled false --dns-servers 1.1.1.1 --dns-servers 8.8.8.8",
        )
      ).err,
    ).toBe("");
    expect(mock.all("subnets")[0]).toMatchObject({
      vpcId: "vpc-00000000000000000000000001",
      dhcpEnabled: false,
      dnsServers: ["1.1.1.1", "8.8.8.8"],
    });
    expect((await run("vm create --name tiny")).err).toBe("");
    expect((await run("vm update tiny --spec.cpu 4 --power-state stopped")).err).toBe("");
    expect(mock.all("vms").at(-1)).toMatchObject({ spec: { cpu: 4 }, powerState: "stopped" });
  });

  const portId = "port-00000000000000000000000001";

  test("names mean ids inside a flag's JSON, and in a file", async () => {
    mock.put("ports", { ...tenant, id: portId, name: "front", subnetId: "subnet-00000000000000000000000001" });
    const attached = [expect.objectContaining({ id: "eth0", portId })];
    expect((await run(["vm", "create", "--name", "a", "--spec.network", "[{id: eth0, port_id: front}]"])).err).toBe("");
    expect(mock.all("vms").at(-1)).toMatchObject({ spec: { network: attached } });
    const spec = JSON.stringify({ network: [{ id: "eth0", portId: "front" }] });
    expect((await run(["vm", "create", "--name", "b", "--spec", spec, "--spec.cpu", "2"])).err).toBe("");
    expect(mock.all("vms").at(-1)).toMatchObject({ name: "b", spec: { cpu: 2, network: attached } });
    const stdin = "name: c\nspec: {network: [{id: eth0, port_id: front}]}\n";
    expect((await run("vm create -f -", { stdin })).err).toBe("");
    expect(mock.all("vms").at(-1)).toMatchObject({ name: "c", spec: { network: attached } });
  });

  test("a name that nothing has is refused with its place", async () => {
    const network = ["--spec.network", `[{id: eth0, port_id: ${portId}}, {id: eth1, port_id: nothing}]`];
    expect(await run(["vm", "create", "--name", "a", ...network])).toMatchObject({
      code: 2,
      err: expect.stringContaining('spec.network[1].port_id: there is no port with the id or name "nothing"'),
    });
  });

  test("a file gives fields in either spelling, and flags win over it", async () => {
    const file = join(folder, "port.yaml");
    writeFileSync(
      file,
      "name: from-file\nsubnet_id: subnet-00000000000000000000000001\nlabels: {a: b}\nsecurityGroupIds: []\n",
    );
    expect((await run(["port", "create", "-f", file, "--name", "from-flag"])).err).toBe("");
    expect(mock.all("ports")[0]).toMatchObject({
      name: "from-flag",
      subnetId: "subnet-00000000000000000000000001",
      labels: { a: "b" },
    });
  });

  test("what get -o yaml printed may be edited and given back", async () => {
    const { out } = await run("security-group get web -o yaml");
    const { code, err } = await run("security-group update web -f -", {
      stdin: out.replace("0.0.0.0/0", "10.0.0.0/8"),
    });
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(mock.all("securityGroups")[0]?.rules.http).toMatchObject({ remoteCidr: "10.0.0.0/8" });
  });

  test("--clear makes a field unset", async () => {
    await run("security-group update web --description words");
    expect(mock.all("securityGroups")[0]?.description).toBe("words");
    await run("security-group update web --clear description");
    expect(mock.all("securityGroups")[0]).not.toHaveProperty("description");
  });

  test("a secret comes from standard input or its variable, never from a flag", async () => {
    const bodies: string[] = [];
    nock.cleanAll();
    nock(mock.endpoint)
      .persist()
      .post(/.+/, (body) => bodies.push(JSON.stringify(body)) > 0)
      .reply(mock.nockReply);
    expect((await run("user create --id alice --password-stdin", { stdin: "correct horse battery\n" })).code).toBe(0);
    const secret = { ...env, PHOTON_USER_PASSWORD: "staple of the cloud" };
    expect((await run("user create --id bob", { env: secret })).code).toBe(0);
    expect(bodies.filter((body) => body.includes('"correct horse battery"'))).not.toEqual([]);
    expect(bodies.filter((body) => body.includes('"staple of the cloud"'))).not.toEqual([]);
    expect((await run("user create --id eve --password secret")).code).toBe(2);
  });
});

describe("exit codes", () => {
  const failures = [
    ["not_found", 3],
    ["permission_denied", 4],
    ["unauthenticated", 4],
    ["already_exists", 5],
    ["failed_precondition", 5],
    ["aborted", 5],
    ["deadline_exceeded", 6],
    ["invalid_argument", 2],
    ["internal", 1],
  ] as const;
  test.each(failures)("%s is %i, and the request's id is told last", async (code, expected) => {
    mock.failNext(
      "GetVpc",
      new PhotonError(code, "no", { permission: "network:vpcs:get", resources: ["org/acme-corp"] }),
    );
    const { code: exit, err } = await run("vpc get vpc-00000000000000000000000001");
    expect(exit).toBe(expected);
    expect(err.trimEnd().endsWith("request mock-request")).toBe(true);
    expect(err).toContain("network:vpcs:get");
    expect(err).toContain("org/acme-corp");
  });
});

describe("login and contexts", () => {
  const file = join(folder, "photoncloud", "contexts.json");
  const home = { XDG_CONFIG_HOME: folder };

  test("keep a session for its owner alone, never the secret, and show no token", async () => {
    const where = "--endpoint http://cloud.test --org acme-corp --project project-alpha --principal alice";
    expect(await run(`login ${where}`, { env: home, stdin: "the-password\n" })).toMatchObject({ code: 0 });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, "utf8")).not.toContain("the-password");
    expect((await run("vpc list", { env: home })).out).toContain("main");
    await run(`login ${where} --context second`, { env: { ...home, PHOTON_KEY_SECRET: "pck_abc" } });
    const list = await run("context list", { env: home });
    expect(list.out).toMatch(/\* second/);
    expect((await run("context use default", { env: home })).code).toBe(0);
    const shown = await run("context show", { env: home });
    expect(shown.out).toContain("acme-corp");
    for (const text of [list.out, shown.out]) expect(text).not.toMatch(/mock-token/);
    expect((await run("context delete default", { env: home })).code).toBe(0);
    expect(await run("vpc list", { env: home })).toMatchObject({
      code: 2,
      err: expect.stringContaining("photon login"),
    });
  });
});

describe("completion", () => {
  const cases: readonly [readonly string[], readonly string[]][] = [
    [["vp"], ["vpc", "vm", "events", "login"]],
    [
      ["vm", ""],
      ["list", "create", "start", "stop"],
    ],
    [
      ["vm", "create", "--"],
      ["--name", "--spec.cpu", "--power-state", "--wait", "--org"],
    ],
    [
      ["vm", "create", "--power-state", ""],
      ["running", "stopped"],
    ],
    [
      ["vm", "list", "-o", ""],
      ["table", "json", "yaml"],
    ],
  ];
  test.each(cases)("of %j offers %j", async (words, offered) => {
    const { out } = await run(["__complete", ...words]);
    expect(out.split("\n")).toEqual(expect.arrayContaining([...offered]));
  });

  test.each(["bash", "zsh", "fish"])("has a script for %s", async (shell) => {
    expect((await run(`completion ${shell}`)).out).toContain("photon __complete");
  });
});
