// Every example in HCL and in CDKTF, deployed by the real Terraform: it makes what it says, a second plan is empty, and it goes away.
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { type Reattached, reattach } from "../terraform/reattached.ts";
import { Workspace } from "../terraform/workspace.ts";
import { type Outputs, People, password, type Scenario, scenarios } from "./scenarios.ts";

const variants = ["hcl", "cdktf"] as const;
type Variant = (typeof variants)[number];

interface Owner {
  readonly provider: Reattached;
  readonly people: People;
}

const folder = mkdtempSync(join(tmpdir(), "photon-examples-"));
let cloud: TestCloud;
let operator: Owner;
let tenant: Owner;

/** Where a variant lies; the quickstart has its own folders. */
function sourceOf(scenario: Scenario, variant: Variant): string {
  if (scenario.folder === "quickstart") return variant === "hcl" ? "examples/quickstart-hcl" : "examples/quickstart";
  return join("examples", scenario.folder, variant);
}

async function synthesize(which: readonly Scenario[], out: string, env: Readonly<Record<string, string>> = {}) {
  const pairs = which.flatMap((one) => [join(sourceOf(one, "cdktf"), "main.ts"), join(folder, out, one.folder)]);
  const args = ["--conditions=photon-source", "test/examples/synth.ts", ...pairs];
  await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...env } });
}

beforeAll(async () => {
  cloud = await startTestCloud();
  const own = await cloud.tenant("tenant-corp", "web");
  const owner = async (login: Parameters<typeof reattach>[0]): Promise<Owner> => ({
    provider: await reattach(login),
    people: new People(cloud, login.token),
  });
  operator = await owner({ url: cloud.url, token: await cloud.adminToken(), orgId: "", projectId: "" });
  tenant = await owner({ ...own, url: cloud.url });
  await synthesize(scenarios, "first");
}, 120_000);

afterAll(async () => {
  operator.provider.close();
  tenant.provider.close();
  await cloud.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A CDKTF program's stacks in the order in which they are deployed. */
function stacksOf(out: string): readonly string[] {
  const manifest: { stacks: Record<string, { dependencies: readonly string[] }> } = JSON.parse(
    readFileSync(join(out, "manifest.json"), "utf8"),
  );
  const names = Object.entries(manifest.stacks).toSorted(
    ([, one], [, other]) => one.dependencies.length - other.dependencies.length,
  );
  return names.map(([name]) => join(out, "stacks", name));
}

/** A scenario under deployment: one working directory, or one for each stack. */
class Deployment {
  readonly #directories: readonly Workspace[];
  readonly #sources: (out: string) => readonly string[];

  constructor(scenario: Scenario, variant: Variant, { provider }: Owner) {
    this.#sources = (out) =>
      variant === "hcl" ? [sourceOf(scenario, "hcl")] : stacksOf(join(folder, out, scenario.folder));
    const env = { ...provider.env, TF_VAR_password: password };
    this.#directories = this.#sources("first").map((_, i) => {
      const directory = join(folder, `${variant}-${scenario.folder}-${i}`);
      return new Workspace(directory, { ...env });
    });
  }

  async init(): Promise<void> {
    this.write("first");
    await Promise.all(this.#directories.map((one) => one.must("init", "-input=false")));
  }

  write(out: string, variables: Readonly<Record<string, string>> = {}): void {
    for (const [i, source] of this.#sources(out).entries()) {
      const workspace = this.#directories[i];
      if (workspace === undefined) throw new Error("a stack more than at first");
      cpSync(source, workspace.directory, { recursive: true });
      for (const [name, value] of Object.entries(variables)) workspace.env[`TF_VAR_${name}`] = value;
    }
  }

  /** Applies in order, and answers the outputs of all. */
  async apply(): Promise<Outputs> {
    const outputs: Record<string, unknown> = {};
    for (const one of this.#directories) {
      await one.apply();
      const shown: Readonly<Record<string, { value: unknown }>> = JSON.parse(await one.must("output", "-json"));
      for (const [name, { value }] of Object.entries(shown)) outputs[name] = value;
      expect(await one.plan()).toEqual({});
    }
    return outputs;
  }

  /** The last first. */
  async destroy(): Promise<void> {
    for (const one of this.#directories.toReversed()) {
      await one.destroy();
      expect(await one.state()).toEqual({});
    }
  }
}

const cases = scenarios.flatMap((scenario) =>
  variants.map((variant) => [`${scenario.folder} in ${variant}`, scenario, variant] as const),
);

test.each(cases)(
  "%s makes what it says, plans nothing more and goes away",
  async (_, scenario, variant) => {
    const owner = scenario.operator ? operator : tenant;
    const deployment = new Deployment(scenario, variant, owner);
    await deployment.init();
    try {
      await scenario.look(owner.people, await deployment.apply());
      const { afterwards } = scenario;
      if (afterwards !== undefined) {
        if (variant === "cdktf") await synthesize([scenario], "afterwards", afterwards.env);
        deployment.write("afterwards", afterwards.variables);
        await afterwards.look(owner.people, await deployment.apply());
      }
    } finally {
      await deployment.destroy();
    }
  },
  120_000,
);

test("outside in hcl moves its address to another port in place", async () => {
  const scenario = scenarios.find((one) => one.folder === "outside");
  if (scenario === undefined) throw new Error("no such scenario");
  const directory = join(folder, "moved");
  cpSync(sourceOf(scenario, "hcl"), directory, { recursive: true });
  const workspace = new Workspace(directory, { ...tenant.provider.env });
  await workspace.must("init", "-input=false");
  await workspace.apply();
  const hcl = readFileSync(join(directory, "main.tf"), "utf8");
  writeFileSync(
    join(directory, "main.tf"),
    hcl.replace("port_id = photoncloud_port.web.id", "port_id = photoncloud_port.vpn.id"),
  );
  expect(await workspace.plan()).toEqual({ "photoncloud_elastic_ip.web": "update" });
  await workspace.apply();
  expect(await workspace.plan()).toEqual({});
  await workspace.destroy();
}, 120_000);

test("every folder of examples is in the index, and says what it is", () => {
  const index = readFileSync("examples/README.md", "utf8");
  const folders = readdirSync("examples", { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const { name } of folders) {
    expect(index).toContain(`](${name})`);
    expect(existsSync(join("examples", name, "README.md"))).toBe(true);
  }
});
