// The SDK as a stranger gets it: packed, unpacked into an empty project, imported, required and type-checked.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

const root = join(import.meta.dirname, "../..");
const project = mkdtempSync(join(tmpdir(), "photon-stranger-"));
const modules = join(project, "node_modules");
/** The machine's own Node, where there is one beside the packages' 24. */
const otherNode = "/usr/bin/node";
const buildMs = 120_000;

function run(program: string, args: readonly string[], cwd = project): string {
  const env = { PATH: process.env.PATH, HOME: project };
  return execFileSync(program, args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

function install(): void {
  run(process.execPath, ["--conditions=photon-source", "scripts/build.ts"], root);
  const packed = run(
    "npm",
    ["pack", "./sdk", "--pack-destination", project, "--ignore-scripts", "--silent"],
    root,
  ).trim();
  mkdirSync(join(modules, "@photoncloud/sdk"), { recursive: true });
  mkdirSync(join(modules, "@types"));
  run("tar", ["-xzf", packed, "--strip-components=1", "-C", join(modules, "@photoncloud/sdk")]);
  for (const name of ["axios", "@bufbuild", "@types/node", "undici-types"])
    symlinkSync(join(root, "node_modules", name), join(modules, name));
}

beforeAll(() => {
  install();
  writeFileSync(join(project, "package.json"), '{ "private": true }\n');
}, buildMs);
afterAll(() => rmSync(project, { recursive: true }));

const use = `
  const cloud = new PhotonCloud({ endpoint: "http://cloud.test" });
  const error = new PhotonError("not_found", "no");
  const mock = mockCloud("http://cloud.test");
  mock.failNext("GetVpc", error);
  const [status] = mock.reply("/prismnet.v1.VpcService/GetVpc", { id: "vpc-1" });
  console.log(JSON.stringify([typeof cloud.vpcs.create, typeof cloud.vms.start, error instanceof Error, status, mock.put("vpcs", { name: "a" }).name]));
`;
const names = { index: "PhotonCloud, PhotonError", testing: "mockCloud" };
const asModule = `import { ${names.index} } from "@photoncloud/sdk"; import { ${names.testing} } from "@photoncloud/sdk/testing"; ${use}`;
const asCommonJs = `const { ${names.index} } = require("@photoncloud/sdk"); const { ${names.testing} } = require("@photoncloud/sdk/testing"); ${use}`;
const expected = '["function","function",true,404,"a"]';

describe("the packed SDK", () => {
  const nodes = [process.execPath, ...(existsSync(otherNode) ? [otherNode] : [])];
  for (const node of nodes) {
    const version = execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
    test(`is imported and required under Node ${version}`, () => {
      writeFileSync(join(project, "use.mjs"), asModule);
      writeFileSync(join(project, "use.cjs"), asCommonJs);
      expect(run(node, ["use.mjs"]).trim()).toBe(expected);
      expect(run(node, ["use.cjs"]).trim()).toBe(expected);
    });
  }

  test(
    "type-checks in a strict project, as a module and as CommonJS, and refuses what the cloud would refuse",
    () => {
      const consumer = `
import { PhotonCloud, PhotonError, type Vpc, type VpcId, type SecurityGroupRuleInput } from "@photoncloud/sdk";
import { mockCloud } from "@photoncloud/sdk/testing";
export async function work(cloud: PhotonCloud): Promise<string> {
  const vpc: Vpc = await cloud.vpcs.create({ name: "main", cidr: "10.0.0.0/16" });
  const id: VpcId = vpc.id;
  const subnet = await cloud.subnets.create({ name: "web", vpcId: id, labels: { a: "b" } });
  for await (const vm of cloud.vms.list({ filter: { name: "web" } })) console.log(vm.spec.cpu.toFixed(), vm.createTime.getTime());
  await cloud.vms.update("vm-1", { spec: { cpu: 2, userData: undefined }, labels: null });
  const rule: SecurityGroupRuleInput = { direction: "ingress", remoteCidr: "10.0.0.0/8" };
  await cloud.securityGroups.addRule("sg-1", { name: "a", rule });
  // @ts-expect-error an id of another kind
  await cloud.vpcs.get(subnet.id);
  // @ts-expect-error cidr is required
  await cloud.vpcs.create({ name: "main" });
  // @ts-expect-error macAddress is an output
  await cloud.ports.create({ name: "a", subnetId: subnet.id, macAddress: "fa:16:3e:00:00:00" });
  // @ts-expect-error cidr can't change
  await cloud.vpcs.update(id, { cidr: "10.0.0.0/8" });
  // @ts-expect-error no such word
  await cloud.vms.update("vm-1", { powerState: "off" });
  // @ts-expect-error at most one of remote
  const two: SecurityGroupRuleInput = { direction: "ingress", remoteCidr: "10.0.0.0/8", remoteGroupId: "sg-1" };
  // @ts-expect-error answers are read only
  vpc.name = "b";
  const error: unknown = two;
  return error instanceof PhotonError ? error.code : mockCloud().put("vpcs", { name: "x" }).id;
}
`;
      writeFileSync(join(project, "consumer.mts"), consumer);
      writeFileSync(join(project, "consumer.cts"), consumer);
      const compilerOptions = {
        strict: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
        module: "nodenext",
        target: "es2023",
        lib: ["es2024", "esnext.disposable"],
        types: ["node"],
        skipLibCheck: false,
      };
      const files = ["consumer.mts", "consumer.cts"];
      writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
      const tsc = join(root, "node_modules/.bin/tsc");
      const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", "."], { cwd: project, encoding: "utf8" });
      expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
    },
    buildMs,
  );
});
