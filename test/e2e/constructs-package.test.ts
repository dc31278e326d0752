// The constructs as users get them: both entry points of the built package, loaded by name from a project beside node_modules,
// by `require` and by `import`, and compiled against by a strict consumer.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

const root = join(import.meta.dirname, "../..");
let folder: string;

beforeAll(() => {
  execFileSync(process.execPath, ["--conditions=photon-source", "scripts/build.ts"], { cwd: root });
  mkdirSync(join(root, ".photon"), { recursive: true });
  folder = mkdtempSync(join(root, ".photon/constructs-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (file: string, text: string): string => {
  writeFileSync(join(folder, file), text);
  return execFileSync(process.execPath, [join(folder, file)], { encoding: "utf8", cwd: folder });
};

const program = `
  const stack = new base.TerraformStack(base.Testing.app(), "test");
  new lib.PhotonCloudProvider(stack, "photoncloud");
  const subnet = new lib.Vpc(stack, "main").addSubnet("front");
  new lib.Vm(stack, "web", { subnet, image: "debian-12" }).connections.allowFromAnyone(lib.tcp(80));
  console.log(Object.keys(JSON.parse(base.Testing.synth(stack)).resource).sort().join());
`;
const made = "photoncloud_port,photoncloud_security_group,photoncloud_subnet,photoncloud_vm,photoncloud_vpc\n";

describe.each([
  ["cdktf", "@photoncloud/constructs"],
  ["cdktn", "@photoncloud/constructs/cdktn"],
])("on %s", (base, lib) => {
  test("require() loads it, and a stack synthesizes", () => {
    const text = `const base = require("${base}"); const lib = require("${lib}");${program}`;
    expect(run(`${base}.cjs`, text)).toBe(made);
  });

  test("import loads it, and a stack synthesizes", () => {
    const text = `import * as base from "${base}"; import * as lib from "${lib}";${program}`;
    expect(run(`${base}.mjs`, text)).toBe(made);
  });

  test("a strict TypeScript project compiles against it", () => {
    const text = `import { TerraformStack } from "${base}";
import type { Construct } from "constructs";
import { Vm, Vpc, type VmProps } from "${lib}";
export class Stack extends TerraformStack {
  constructor(scope: Construct, id: string, size: NonNullable<VmProps["size"]>) {
    super(scope, id);
    new Vm(this, "web", { subnet: new Vpc(this, "main").addSubnet("a"), image: "debian-12", size });
    // @ts-expect-error a machine needs a subnet
    new Vm(this, "lost", { image: "debian-12" });
  }
}
`;
    writeFileSync(join(folder, `${base}.mts`), text);
    const compilerOptions = { strict: true, noEmit: true, skipLibCheck: true, module: "nodenext", types: ["node"] };
    writeFileSync(join(folder, `${base}.json`), JSON.stringify({ compilerOptions, files: [`${base}.mts`] }));
    const tsc = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", join(folder, `${base}.json`)], {
      encoding: "utf8",
    });
    expect({ status: tsc.status, said: tsc.stdout }).toEqual({ status: 0, said: "" });
  });
});
