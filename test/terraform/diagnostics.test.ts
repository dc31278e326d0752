// What a user is told when the cloud refuses: for every kind, each operation and each reason, where it is, what to do, and by which id the
// cloud's operator finds it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { catalog, type Reason, reasons } from "@photoncloud/proto";
import { PhotonError } from "@photoncloud/sdk";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import type { Attribute } from "../../provider/src/attribute.ts";
import type { Cloud } from "../../provider/src/cloud.ts";
import { Journal } from "../../provider/src/journal.ts";
import { grpcServer } from "../../provider/src/plugin/grpc.ts";
import { providerMethods } from "../../provider/src/plugin/provider-methods.ts";
import { listen } from "../../provider/src/plugin/serve.ts";
import { createProvider } from "../../provider/src/provider.ts";
import { placesOf } from "./every-field/places.ts";
import { resolved } from "./every-field/state.ts";
import { attributesOf, Drawer, resourcesOf, type Subject, standing, subjectsOf } from "./every-field/subject.ts";
import { json, PlayedTerraform } from "./played.ts";
import { reattach } from "./reattached.ts";
import { administrator, environment, type Login, Workspace } from "./workspace.ts";

type Json = Readonly<Record<string, unknown>>;
interface Diagnostic {
  readonly severity: number;
  readonly summary: string;
  readonly detail: string;
  readonly attribute?:
    | { readonly steps: readonly { readonly selector?: { readonly value: unknown } | undefined }[] }
    | undefined;
}

const sentence = "the cloud's own sentence, which says how to mend it";
const requestId = "request-of-the-test";

/** A cloud that refuses all that it is asked, and all for one reason. */
class Refusing implements Cloud {
  reason: Reason = "INTERNAL";
  /** The path of the field that is to blame. */
  path = "";

  async call(): Promise<never> {
    const permission = this.reason === "PERMISSION_DENIED" ? "network:vpcs:create" : "";
    const violations = this.path === "" ? [] : [{ path: this.path, rule: "conflict", message: sentence }];
    const { code } = reasons[this.reason];
    throw new PhotonError(code, sentence, { reason: this.reason, requestId, permission, violations });
  }
}

const allReasons = Object.keys(reasons).filter((one): one is Reason => Object.hasOwn(reasons, one));
/** What the cloud's own sentence mends: there is nothing to add to it. */
const saysItself: readonly Reason[] = ["INVALID_FIELDS", "BAD_FILTER", "WRONG_STATE", "PROTECTED"];

let cloud: TestCloud;
let login: Login;
let folder: string;
let terraform: PlayedTerraform;
let stop: () => void;
const refusing = new Refusing();
const drawer = new Drawer(1);
/** One of each kind. */
const subjects = subjectsOf(catalog().kinds, drawer).filter(({ name }) => name === "labels");
/** All that there is, by address. */
let states: Readonly<Record<string, Json>> = {};

async function makeAll(): Promise<void> {
  const provider = await reattach(login);
  const workspace = await Workspace.open(login, "", provider.env);
  const stands = standing(
    subjects.map((s) => s.block()),
    drawer,
  );
  try {
    workspace.writeJson({ resource: resourcesOf(subjects, stands) });
    await workspace.apply();
    states = await workspace.state();
  } finally {
    workspace.close();
    provider.close();
  }
}

beforeAll(async () => {
  cloud = await startTestCloud();
  login = await administrator(cloud);
  await makeAll();
  folder = mkdtempSync(join(tmpdir(), "p"));
  const journal = new Journal(join(folder, "journal"));
  const surroundings = { env: environment(login, "/dev/null"), journal: async () => journal, connect: () => refusing };
  const server = grpcServer(providerMethods(createProvider(surroundings)), undefined);
  terraform = new PlayedTerraform({ socket: await listen(server, folder) });
  await terraform.configure({ plan_checks: false });
  stop = () => server.close();
});

afterAll(async () => {
  terraform.close();
  stop();
  rmSync(folder, { recursive: true, force: true });
  await cloud.stop();
});

/** A wait for what stands in the way ends at once. */
const timeouts = { create: "1ms", update: "1ms", delete: "1ms" };
const stateOf = ({ address }: Subject): Json => ({ ...states[address], timeouts });
const configOf = (subject: Subject): Json => ({ ...(resolved(subject.block(), states) as Json), timeouts });

async function change(
  subject: Subject,
  prior: Json | undefined,
  config: Json | undefined,
): Promise<readonly Diagnostic[]> {
  const typeName = subject.type;
  const [before, after] = [prior, config].map((value) => (value === undefined ? undefined : json(value)));
  const asked = { typeName, priorState: before, config: after, proposedNewState: after };
  const planned = await terraform.call("planResourceChange", asked);
  if (planned.diagnostics.length > 0) return planned.diagnostics;
  const { plannedState, plannedPrivate } = planned;
  return (await terraform.call("applyResourceChange", { ...asked, plannedState, plannedPrivate })).diagnostics;
}

/** What is told of each operation that is refused. */
const operations: Readonly<Record<string, (subject: Subject) => Promise<readonly Diagnostic[]>>> = {
  create: (subject) =>
    change(subject, undefined, { ...configOf(subject), labels: { another: drawer.unique().toString() } }),
  update: (subject) => change(subject, stateOf(subject), { ...configOf(subject), labels: { changed: "yes" } }),
  delete: (subject) => change(subject, stateOf(subject), undefined),
  read: async (subject) =>
    (await terraform.call("readResource", { typeName: subject.type, currentState: json(stateOf(subject)) }))
      .diagnostics,
  "data source": async ({ type: typeName }) =>
    (await terraform.call("readDataSource", { typeName, config: json({ id: "some-id" }) })).diagnostics,
  "plural data source": async ({ kind }) =>
    (await terraform.call("readDataSource", { typeName: `photoncloud_${kind.plural}`, config: json({}) })).diagnostics,
  list: async ({ type: typeName }) =>
    (await terraform.stream("listResource", { typeName, config: json({}), limit: 1 })).flatMap((e) => e.diagnostic),
};

/** What is gone is no trouble to who reads it, or wants it gone. */
const isFine = (operation: string, reason: Reason): boolean =>
  reason === "NOT_FOUND" && ["read", "delete"].includes(operation);

function expectHelp(told: readonly Diagnostic[], reason: Reason): void {
  expect(told).toHaveLength(1);
  for (const { severity, summary, detail } of told) {
    expect([severity, summary]).toEqual([1, expect.stringMatching(/^[A-Z].{5,}/)]);
    expect(detail).toContain(`Request id: ${requestId}`);
    const own = detail
      .replace(/While [^:]*: /, "")
      .replaceAll(sentence, "")
      .replace(/Request id: .*/, "");
    if (!saysItself.includes(reason))
      expect([reason, own.trim()]).toEqual([reason, expect.stringMatching(/[a-z]{3,} [a-z]+.*\./s)]);
    else expect(detail).toContain(sentence);
    expect(detail).not.toMatch(/bug in the PhotonCloud provider/);
  }
}

describe.each(subjects.map((s) => [s.kind.noun, s] as const))("of a %s", (_noun, subject) => {
  test.each(Object.keys(operations))("a %s that is refused says what to do, for every reason", async (operation) => {
    for (const reason of allReasons) {
      Object.assign(refusing, { reason, path: "" });
      const told = (await operations[operation]?.(subject)) ?? [];
      if (isFine(operation, reason)) expect([reason, told]).toEqual([reason, []]);
      else expectHelp(told, reason);
    }
  });

  test("a value that is refused is pointed at, wherever it stands", async () => {
    for (const { attributes } of placesOf(attributesOf(subject.kind)).filter(isOfCloud)) {
      Object.assign(refusing, { reason: "INVALID_FIELDS", path: attributes.map(stepOf).join(".") });
      const [told, ...more] = (await operations.create?.(subject)) ?? [];
      expect(more).toEqual([]);
      const [root, ...below] = attributes;
      expect([refusing.path, rootOf(told)]).toEqual([refusing.path, root.name]);
      // Terraform finds no deeper place in its source: the text names it.
      for (const { name } of below) expect(told?.detail).toContain(name);
      expect(told?.detail).toContain(sentence);
    }
  });
});

const isOfCloud = ({ attributes }: { readonly attributes: readonly Attribute[] }): boolean =>
  attributes.every(({ field }) => field !== undefined);

/** One step of the cloud's own path: into a list's first item, and a map's entry "one". */
function stepOf({ field, shape, name }: Attribute): string {
  const item = shape.kind === "list" ? "[0]" : shape.kind === "map" ? '["one"]' : "";
  return `${field?.name ?? name}${item}`;
}

const rootOf = (told: Diagnostic | undefined): unknown => told?.attribute?.steps[0]?.selector?.value;
