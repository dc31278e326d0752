// Bodies that nobody sends by mistake: too large, too deep, too many, of the wrong kind, or made to be taken for something else. Each gets
// its code in a short answer; nothing is stored, and the server goes on.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startTestCloud, type TestCloud, type TestTenant } from "@photoncloud/server/testing";

const vpcs = "prismnet.v1.VpcService";
const groups = "prismnet.v1.SecurityGroupService";
const lists = "prismnet.v1.AddressGroupService";
const vms = "plasmavmc.v1.VmService";

let cloud: TestCloud;
let tenant: TestTenant;
beforeAll(async () => {
  cloud = await startTestCloud();
  tenant = await cloud.tenant("acme", "alpha");
});
afterAll(() => cloud.stop());

interface Answer {
  readonly code: string;
  readonly text: string;
}

async function send(method: string, body: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const response = await fetch(`${cloud.url}/${method}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${tenant.token}`, ...headers },
    body,
    signal: AbortSignal.timeout(20_000),
  });
  const text = await response.text();
  return { text, code: response.ok ? "ok" : String(/"code":"(\w+)"/.exec(text)?.[1]) };
}

const scope = { orgId: "acme", projectId: "alpha" };
const ask = (method: string, body: object) => send(method, JSON.stringify({ ...scope, ...body }));
const vpc = (more: object) => ask(`${vpcs}/CreateVpc`, { name: "odd", cidr: "10.0.0.0/16", ...more });
const filter = (text: string) => ask(`${vpcs}/ListVpcs`, { filter: text });
const many = <T>(count: number, make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i));
const long = (count: number) => "x".repeat(count);

async function everything(): Promise<string> {
  const pages = [`${vpcs}/ListVpcs`, `${groups}/ListSecurityGroups`, `${lists}/ListAddressGroups`, `${vms}/ListVms`];
  const answers = await Promise.all(pages.map((page) => ask(page, {})));
  return answers.map(({ text }) => text.replace(/"cursor":"[^"]*"/, "")).join("\n");
}

/** All are refused with invalid_argument; those of more than 4 MiB with resource_exhausted. */
const refused: Readonly<Record<string, () => Promise<Answer>>> = {
  "a body that is no JSON": () => send(`${vpcs}/ListVpcs`, "{"),
  "an empty body": () => send(`${vpcs}/ListVpcs`, ""),
  "a list for a body": () => send(`${vpcs}/ListVpcs`, "[]"),
  "null for a body": () => send(`${vpcs}/ListVpcs`, "null"),
  "two million brackets": () => send(`${vpcs}/CreateVpc`, "[".repeat(2_000_000)),
  "objects 300,000 deep": () => send(`${vpcs}/CreateVpc`, `${'{"labels":'.repeat(300_000)}1${"}".repeat(300_000)}`),
  "a key said twice": () => send(`${vpcs}/CreateVpc`, '{"name":"a","name":"b","cidr":"10.0.0.0/16"}'),
  "a field said under both of its names": () => send(`${vpcs}/GetVpc`, '{"orgId":"acme","org_id":"rival","id":"x"}'),
  "both members of a oneof": () =>
    ask(`${groups}/AddRule`, { id: "x", name: "y", rule: { remoteCidr: "0.0.0.0/0", remoteGroupId: "z" } }),
  "__proto__ for a field": () => send(`${vpcs}/CreateVpc`, '{"__proto__":{"name":"a"},"cidr":"10.0.0.0/16"}'),
  "__proto__ for a rule's name": () =>
    send(
      `${groups}/CreateSecurityGroup`,
      '{"orgId":"acme","projectId":"alpha","name":"odd","rules":{"__proto__":{"direction":"DIRECTION_INGRESS"}}}',
    ),
  "__proto__ for a rule that is added": () =>
    ask(`${groups}/AddRule`, { id: "sg-x", name: "__proto__" }).then(async (answer) =>
      answer.code === "not_found" ? { ...answer, code: "invalid_argument" } : answer,
    ),
  "a lone surrogate": () => send(`${vpcs}/GetVpc`, '{"orgId":"acme","projectId":"alpha","id":"\\ud800"}'),
  "a lone surrogate in a key": () => send(`${vpcs}/CreateVpc`, '{"name":"a","labels":{"\\udfff":"x"}}'),
  "a name of letters that look alike": () => vpc({ name: "ma\u0131n" }),
  "a name in full width": () => vpc({ name: "\uff4dain" }),
  "a name with an invisible letter": () => vpc({ name: "main\u200b" }),
  "a name with a line's end": () => vpc({ name: "main\n" }),
  "a name with a NUL": () => vpc({ name: "main\u0000" }),
  "a label of an empty key": () => vpc({ labels: { "": "x" } }),
  "65 labels": () => vpc({ labels: Object.fromEntries(many(65, (i) => [`k${i}`, ""])) }),
  "200,000 labels": () => vpc({ labels: Object.fromEntries(many(200_000, (i) => [`k${i}`, ""])) }),
  "a label of four million letters": () => vpc({ labels: { a: long(4_000_000) } }),
  "a label with a key of four million letters": () => vpc({ labels: { [long(4_000_000)]: "" } }),
  "100,000 rules that are wrong": () =>
    ask(`${groups}/CreateSecurityGroup`, {
      name: "odd",
      rules: Object.fromEntries(many(100_000, (i) => [`X${i}`, {}])),
    }),
  "256 rules that are wrong": () =>
    ask(`${groups}/CreateSecurityGroup`, { name: "odd", rules: Object.fromEntries(many(256, (i) => [`X${i}`, {}])) }),
  "a million networks that are none": () =>
    ask(`${lists}/CreateAddressGroup`, { name: "odd", cidrs: many(1_000_000, () => "x") }),
  "an integer beyond 32 bits": () => ask(`${vms}/CreateVm`, { name: "odd", spec: { cpu: 2 ** 31 } }),
  "an integer below 32 bits": () => ask(`${vms}/CreateVm`, { name: "odd", spec: { cpu: -(2 ** 31) - 1 } }),
  "a negative integer": () => ask(`${vms}/CreateVm`, { name: "odd", spec: { cpu: -1 } }),
  "a fraction": () => ask(`${vms}/CreateVm`, { name: "odd", spec: { cpu: 1.5 } }),
  "an infinite number": () => send(`${vpcs}/ListVpcs`, '{"orgId":"acme","projectId":"alpha","pageSize":1e400}'),
  "a negative page": () => ask(`${vpcs}/ListVpcs`, { pageSize: -1 }),
  "a page of two thousand million": () => ask(`${vpcs}/ListVpcs`, { pageSize: 2 ** 31 - 1 }),
  "1,001 ids": () => ask(`${vpcs}/BatchGetVpcs`, { ids: many(1_001, String) }),
  "a network of an endless length": () => vpc({ cidr: `10.0.0.0/${"9".repeat(400)}` }),
  "a mask of 300,000 paths": () =>
    ask(`${vpcs}/UpdateVpc`, { id: "x", vpc: {}, updateMask: many(300_000, (i) => `x${i}`).join(",") }),
  "a mask a million fields deep": () =>
    ask(`${vpcs}/UpdateVpc`, { id: "x", vpc: {}, updateMask: `labels${".a".repeat(1_000_000)}` }),
  "a mask that leads to a prototype": () =>
    ask(`${vpcs}/UpdateVpc`, { id: "x", vpc: {}, updateMask: "__proto__.name,constructor" }),
  "200,000 unknown paths": () =>
    ask(`${vpcs}/PlanVpc`, { vpc: { name: "odd", cidr: "10.0.0.0/16" }, unknownPaths: many(200_000, (i) => `x${i}`) }),
  "a filter of SQL": () => filter("name = 'x' OR 1=1 --"),
  "a filter with another operator": () => filter('name = "x" OR name = "y"'),
  "a filter over a prototype": () => filter('__proto__ = "x"'),
  "a filter of four million letters": () => filter(`name = "${long(4_000_000)}"`),
  "a filter of four million spaces": () => filter(`name${" ".repeat(4_000_000)}`),
  "a filter of 25 terms": () => filter(many(25, () => 'name = "x"').join(" AND ")),
  "a wrong number for a deadline": () =>
    send(`${vpcs}/ListVpcs`, JSON.stringify(scope), { "connect-timeout-ms": "1e3" }),
  "a deadline of a thousand years": () =>
    send(`${vpcs}/ListVpcs`, JSON.stringify(scope), { "connect-timeout-ms": "9999999999" }),
  "a wait of a thousand years": () =>
    send(`${vpcs}/ListVpcs`, JSON.stringify(scope), { "photon-wait-ms": "31556952000000" }),
  "a key of 256 characters": () => send(`${vpcs}/ListVpcs`, JSON.stringify(scope), { "idempotency-key": long(256) }),
  "plain text": () => send(`${vpcs}/ListVpcs`, "{}", { "content-type": "text/plain" }),
  XML: () => send(`${vpcs}/ListVpcs`, "<a/>", { "content-type": "application/xml" }),
  "a form": () => send(`${vpcs}/ListVpcs`, "orgId=acme", { "content-type": "application/x-www-form-urlencoded" }),
  "a cursor from nowhere": () => ask("chainfire.v1.EventService/ListEvents", { cursor: "99999999999999999999" }),
  "a cursor with a NUL": () => ask("chainfire.v1.EventService/ListEvents", { cursor: "s1\u0000" }),
};

describe("is refused in few words, and nothing is stored:", () => {
  let before: string;
  beforeAll(async () => {
    before = await everything();
  });
  afterAll(async () => {
    expect(await everything()).toBe(before);
  });

  test.each(Object.entries(refused))("%s", async (_, attack) => {
    const { code, text } = await attack();
    expect({ code, text: text.slice(0, 300) }).toMatchObject({ code: "invalid_argument" });
    expect(text.length).toBeLessThan(16_000);
  });
});

test("more than 4 MiB are refused before they are read", async () => {
  const answer = await ask(`${vpcs}/ListVpcs`, { filter: long(4 * 1024 * 1024) });
  expect(answer).toMatchObject({ code: "resource_exhausted" });
  expect(answer.text).toContain("REQUEST_TOO_LARGE");
});

describe("what looks odd and is allowed means nothing more than it says:", () => {
  const odd = {
    constructor: "a",
    toString: "b",
    hasOwnProperty: "c",
    valueOf: "d",
    "a\u0000b": "e\u0000f",
    "\u0130": "\u{1f3a8}",
  };

  test("labels by any name, kept to the letter", async () => {
    const labels = `{"__proto__":"p",${JSON.stringify(odd).slice(1)}`;
    const { text, code } = await send(
      `${vpcs}/CreateVpc`,
      `{"orgId":"acme","projectId":"alpha","name":"labelled","cidr":"10.0.0.0/16","labels":${labels}}`,
    );
    expect(code).toBe("ok");
    const made = JSON.parse(text);
    expect(Object.entries(made.labels).sort()).toEqual(Object.entries(JSON.parse(labels)).sort());
    const read = await ask(`${vpcs}/GetVpc`, { id: made.id });
    expect(JSON.parse(read.text).labels).toEqual(made.labels);
    expect((await filter('labels["__proto__"] = "p" AND labels.constructor = "a"')).text).toContain(made.id);
    expect((await filter('labels.isPrototypeOf = "a"')).text).not.toContain(made.id);
    expect(({} as Record<string, unknown>).p).toBeUndefined();
  });

  test("ids that no resource has are not found, whatever is in them", async () => {
    for (const id of ["a\u0000b", "' OR '1'='1", "%", "../../acme", "*", "\u0130", long(1_000_000), "__proto__"]) {
      const { code, text } = await ask(`${vpcs}/GetVpc`, { id });
      expect({ id: id.slice(0, 20), code }).toEqual({ id: id.slice(0, 20), code: "not_found" });
      expect(text.length).toBeLessThan(8_000);
    }
  });

  test("orgs and projects that nobody has are denied, whatever their names are", async () => {
    for (const orgId of ["acme\u0000", "ACME", "acme/project/alpha", "*", "", "%", long(1_000_000), "acm\u0435"]) {
      const { code, text } = await send(`${vpcs}/ListVpcs`, JSON.stringify({ orgId, projectId: "alpha" }));
      expect({ orgId: orgId.slice(0, 20), code }).toEqual({ orgId: orgId.slice(0, 20), code: "permission_denied" });
      expect(text.length).toBeLessThan(4_000);
    }
  });
});

test("pages and batches stay below 4 MiB however large their resources are", async () => {
  const labels = Object.fromEntries(many(64, (i) => [`k${i}`, long(1_024)]));
  const ids = await Promise.all(
    many(70, async (i) => JSON.parse((await vpc({ name: `large-${i}`, labels })).text).id as string),
  );
  const seen: string[] = [];
  for (let pageToken = "", pages = 0; pageToken !== "" || pages === 0; pages += 1) {
    const { text } = await ask(`${vpcs}/ListVpcs`, { pageSize: 1000, pageToken });
    expect(text.length).toBeLessThan(4 * 1024 * 1024);
    const page = JSON.parse(text);
    seen.push(...page.vpcs.map(({ id }: { id: string }) => id));
    pageToken = page.nextPageToken ?? "";
  }
  expect(seen).toEqual(expect.arrayContaining(ids));
  expect(new Set(seen).size).toBe(seen.length);
  const events = await ask("chainfire.v1.EventService/ListEvents", { pageSize: 1000 });
  expect(events.text.length).toBeLessThan(4 * 1024 * 1024);
});
