// One resource in a working directory, which lives through runs in which a party dies.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { camelCase } from "@photoncloud/proto";
import { postJson } from "@photoncloud/server/testing";
import { attributesOf, type Subject } from "../every-field/subject.ts";
import { shown } from "../played.ts";
import { type Login, tokenOf } from "../workspace.ts";
import { type Death, Killed, Mortal } from "./mortal.ts";
import { type Declared, run, StateFile } from "./run.ts";

export type Json = Readonly<Record<string, unknown>>;

export const operations = ["create", "update", "delete"] as const;
export type Operation = (typeof operations)[number];

export interface Swept {
  readonly login: Login;
  readonly subject: Subject;
  /** What is declared of it. */
  readonly config: Json;
}

/** Of each call that a run makes, whether it changes something; and whether the run changed something. */
export interface Run {
  readonly calls: readonly boolean[];
  readonly changed: boolean;
}

export class Sweep {
  readonly file = new StateFile();
  readonly folder: string;
  readonly #of: Swept;

  /** @param folder Another's, where the two share a working directory. */
  constructor(of: Swept, folder = mkdtempSync(join(tmpdir(), "p"))) {
    this.#of = of;
    this.folder = folder;
  }

  #declared(operation: Operation): Declared {
    const { subject, config } = this.#of;
    const changed = { ...config, labels: { team: "web" } };
    const declared = operation === "create" ? config : operation === "update" ? changed : null;
    return { typeName: subject.type, attributes: attributesOf(subject.kind), config: declared };
  }

  /** A run in which nobody dies. @param commandLine Terraform's */
  async live(operation: Operation, commandLine: readonly string[] = []): Promise<Run> {
    const mortal = await Mortal.start(this.#of.login, this.folder, undefined, commandLine);
    try {
      const changed = await run(mortal, this.#declared(operation), this.file);
      return { calls: mortal.calls, changed };
    } finally {
      mortal.shutdown();
    }
  }

  /** A run in which somebody dies, if the death comes. `deaf`: Terraform dies before it writes the state. */
  async die(operation: Operation, death: Death | "deaf"): Promise<void> {
    const mortal = await Mortal.start(this.#of.login, this.folder, death === "deaf" ? undefined : death);
    this.file.deaf = death === "deaf";
    try {
      await run(mortal, this.#declared(operation), this.file);
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    } finally {
      this.file.deaf = false;
      await mortal.kill();
    }
  }

  /** The id in the state, "" where there is none. */
  get id(): string {
    const state = shown(attributesOf(this.#of.subject.kind), this.file.held?.state);
    return typeof state?.id === "string" ? state.id : "";
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The ids of all that there is of a kind where what is declared lives. */
export async function idsOf({ login, subject: { kind }, config }: Swept): Promise<string[]> {
  const { org_id: orgId = login.orgId, project_id: projectId = login.projectId } = config;
  const method = `${kind.service.typeName}/${kind.standard.list.desc.name}`;
  const { status, body } = await postJson(
    login.url,
    method,
    { orgId, projectId, pageSize: 1000 },
    await tokenOf(login),
  );
  if (status !== 200) throw new Error(JSON.stringify(body));
  const items = body[camelCase(kind.plural)];
  return Array.isArray(items) ? items.map((item: { id: string }) => item.id).sort() : [];
}

const before: Readonly<Record<Operation, readonly Operation[]>> = {
  create: [],
  update: ["create"],
  delete: ["create"],
};

/** Up to where an operation begins. */
export async function prepare(sweep: Sweep, operation: Operation): Promise<void> {
  for (const earlier of before[operation]) await sweep.live(earlier);
}

/** The calls of an operation in which nobody dies. */
export async function callsOf(of: Swept, operation: Operation): Promise<readonly boolean[]> {
  const sweep = new Sweep(of);
  try {
    await prepare(sweep, operation);
    const { calls } = await sweep.live(operation);
    await sweep.live("delete");
    return calls;
  } finally {
    sweep.close();
  }
}
