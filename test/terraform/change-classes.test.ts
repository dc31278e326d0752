// What a plan says that a change is: as little as was written, and of its class: hot, with a restart, with a replacement, or with a loss of data.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { as, Stage } from "./stage.ts";
import type { Workspace } from "./workspace.ts";

let stage: Stage;
let workspace: Workspace;

beforeAll(async () => {
  stage = await Stage.set(as("acme-corp", "project-alpha"));
  workspace = await stage.open();
});

afterAll(() => stage.close());

/** Lets a plan lose data. */
const allowing = 'provider "photoncloud" {\n  allow_data_loss = true\n}\n';

interface Change {
  readonly address: string;
  readonly change: { readonly actions: readonly string[]; readonly before: unknown; readonly after: unknown };
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Where two values differ, as deep as they can be told apart: a list's items by their id. */
function differing(before: unknown, after: unknown, path: string): readonly string[] {
  const [one, other] = [before, after].map((value) =>
    Array.isArray(value) ? Object.fromEntries(value.map((item: { id: string }) => [item.id, item])) : value,
  );
  if (!isRecord(one) || !isRecord(other)) return JSON.stringify(one) === JSON.stringify(other) ? [] : [path];
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return names.flatMap((name) => differing(one[name], other[name], path === "" ? name : `${path}.${name}`));
}

/** What Terraform would change, by address: the places that differ. */
async function changed(hcl: string): Promise<Record<string, readonly string[]>> {
  workspace.write(hcl);
  await workspace.must("plan", "-input=false", "-out=plan");
  const plan: { resource_changes: Change[] } = JSON.parse(await workspace.must("show", "-json", "plan"));
  const changes = plan.resource_changes.filter(({ change }) => change.actions.join() !== "no-op");
  return Object.fromEntries(changes.map((one) => [one.address, differing(one.change.before, one.change.after, "")]));
}

describe("what is inserted in the middle is one change", () => {
  const rule = (name: string, port: number) =>
    `    ${name} = {\n      direction = "ingress"\n      protocol = "tcp"\n      port_range = { first = ${port} }\n      remote_cidr = "10.0.0.0/8"\n    }\n`;
  const group = (rules: readonly string[]) =>
    `resource "photoncloud_security_group" "a" {\n  name = "a"\n  rules = {\n${rules.map((name) => rule(name, name.charCodeAt(0))).join("")}  }\n}\n`;
  const labelled = (names: readonly string[]) =>
    `resource "photoncloud_vpc" "a" {\n  name = "a"\n  cidr = "10.0.0.0/16"\n  labels = { ${names.map((name) => `${name} = "x"`).join(", ")} }\n}\n`;
  const machine = (disks: readonly string[]) =>
    `${allowing}resource "photoncloud_vm" "a" {\n  name = "a"\n  spec = {\n    disks = [${disks.map((id) => `{ id = "${id}", size_gib = 1 }`).join(", ")}]\n  }\n}\n`;

  test.each<[string, (names: readonly string[]) => string, string, string]>([
    ["a rule among rules", group, "photoncloud_security_group.a", "rules"],
    ["a label among labels", labelled, "photoncloud_vpc.a", "labels"],
    ["a disk among disks", machine, "photoncloud_vm.a", "spec.disks"],
  ])("%s", async (_name, write, address, path) => {
    workspace.write(write(["root", "c", "d"]));
    await workspace.apply();
    expect(await changed(write(["root", "b", "c", "d"]))).toEqual({ [address]: [`${path}.b`] });
    await workspace.apply();
    expect(await workspace.plan()).toEqual({});
    expect(await changed(write(["root", "b", "d"]))).toEqual({ [address]: [`${path}.c`] });
  });
  afterAll(() => workspace.destroy());
});

interface Sizes {
  readonly cpu?: number;
  readonly memory?: number;
  readonly disks?: readonly (readonly [id: string, sizeGib: number])[];
  readonly flavor?: string;
  readonly name?: string;
  readonly labels?: string;
  readonly machine?: string;
  readonly power?: string;
  readonly allowing?: string;
}

const usual = [
  ["root", 1],
  ["data", 1],
] as const;

function machineOf({ cpu = 2, memory = 512, disks = usual, flavor, ...more }: Sizes): string {
  const size =
    flavor === undefined ? `cpu = ${cpu}\n    memory = ${memory}` : `flavor_id = photoncloud_flavor.${flavor}.id`;
  const kind = more.machine === undefined ? "" : `    machine = "${more.machine}"\n`;
  return `${more.allowing ?? ""}resource "photoncloud_flavor" "small" {
  name = "small"
  cpu = 1
  memory = 256
}
resource "photoncloud_vm" "a" {
  name = "${more.name ?? "a"}"
  labels = { of = "${more.labels ?? "a"}" }
  power_state = "${more.power ?? "running"}"
  spec = {
    ${size}
${kind}    disks = [${disks.map(([id, sizeGib]) => `{ id = "${id}", size_gib = ${sizeGib} }`).join(", ")}]
  }
}
`;
}

const [restarts, loses] = ["This change restarts it", "This change loses data"];
type Told = readonly (readonly [severity: "warning" | "error", summary: string])[];
const restart: Told = [["warning", restarts]];
const refusal: Told = [["error", loses]];
const loss: Told = [["warning", loses]];

describe("the change of a machine", () => {
  /** What is changed, how Terraform shows it, and what else it must say. */
  const rows: readonly (readonly [string, Sizes, "update" | "replace" | undefined, Told])[] = [
    ["labels: hot", { labels: "b" }, "update", []],
    ["a disk more: hot", { disks: [...usual, ["more", 1]] }, "update", []],
    ["a larger disk: hot", { disks: [usual[0], ["data", 2]] }, "update", []],
    ["fewer CPUs: with a restart", { cpu: 1 }, "update", restart],
    ["less memory: with a restart", { memory: 256 }, "update", restart],
    ["a flavor, which its CPUs and its memory follow: with one restart", { flavor: "small" }, "update", restart],
    ["fewer CPUs of one that is to be off: hot", { cpu: 1, power: "stopped" }, "update", []],
    ["a disk less: refused", { disks: [usual[0]] }, undefined, refusal],
    ["a disk less, where that is allowed: with a loss", { disks: [usual[0]], allowing }, "update", loss],
    ["another disk in its place: refused", { disks: [usual[0], ["other", 1]] }, undefined, refusal],
    ["a disk less and fewer CPUs: refused", { cpu: 1, disks: [usual[0]] }, undefined, [...refusal, ...restart]],
    ["both, where that is allowed", { cpu: 1, disks: [usual[0]], allowing }, "update", [...loss, ...restart]],
    ["another kind of machine: with a replacement", { machine: "microvm" }, "replace", []],
  ];

  beforeAll(async () => {
    workspace.write(machineOf({}));
    await workspace.apply();
  });

  test.each(rows)("%s", async (_name, change, action, expected) => {
    workspace.write(machineOf(change));
    const { changes, diagnostics } = await workspace.planned("-input=false");
    expect(changes["photoncloud_vm.a"]).toBe(action);
    expect(diagnostics.map(({ severity, summary }) => [severity, summary]).sort()).toEqual([...expected].sort());
    for (const { address, snippet } of diagnostics)
      expect([address, snippet?.code]).toEqual(["photoncloud_vm.a", expect.stringContaining("spec")]);
  });
  afterAll(async () => {
    workspace.write(machineOf({}));
    await workspace.destroy();
  });
});
