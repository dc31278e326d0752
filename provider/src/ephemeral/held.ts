// What a method answers, held while Terraform runs: every method of the catalog that is annotated so. A kind's Create makes a resource that is deleted at the end.
import { randomUUID } from "node:crypto";
import {
  type CatalogFacts as Catalog,
  type KindFacts as Kind,
  type MethodFacts as Method,
  Scope,
} from "@photoncloud/proto";
import type { Attribute } from "../attribute.ts";
import { KindCalls } from "../cloud.ts";
import { fromJson, toJson } from "../convert.ts";
import type { Value, ValueMap } from "../cty/value.ts";
import { Deadline } from "../deadline.ts";
import { type Diagnostic, explain, Problem } from "../diagnostics.ts";
import { type JsonObject, textOf } from "../json-object.ts";
import { callMs, changing, remove } from "../operation.ts";
import { answersOf, inputsOf, tenantFields } from "../schema.ts";
import type { Session } from "../session.ts";
import { type Located, tenantDefaults } from "../tenant.ts";
import { validateConfig } from "../validate-config.ts";
import {
  type Ephemeral,
  type EphemeralSchema,
  ended,
  isForPrograms,
  type Kept,
  type Opened,
  type Renewed,
} from "./ephemeral.ts";

/** Terraform waits for it at the end of a run (milliseconds). */
const closeMs = 30_000;

export interface HeldSchema extends EphemeralSchema {
  readonly method: Method;
  /** "vm_console" */
  readonly noun: string;
  /** What its request is checked by, and where it is asked. */
  readonly request: Located;
  /** The kind that it creates one of. */
  readonly creates: Kind | undefined;
}

/** What is left out is the provider's, or the cloud's. */
const asked = (attribute: Attribute): Attribute => {
  const isTenant = tenantFields.has(attribute.name);
  return {
    ...attribute,
    writeOnly: false,
    replaces: false,
    required: attribute.required && !isTenant,
    optional: isTenant || attribute.optional,
    computed: isTenant || attribute.computed,
  };
};

function heldSchema(method: Method, noun: string, creates: Kind | undefined): HeldSchema {
  const { inputs: fields, outputs } = method;
  const inputs = inputsOf(fields)
    .filter((one) => one.optional || one.required)
    .map(asked);
  const answers = answersOf(outputs).filter(
    (one) => isForPrograms(one) && !inputs.some(({ name }) => name === one.name),
  );
  const end = creates === undefined ? "" : " It is deleted when Terraform no longer needs it.";
  return {
    method,
    noun,
    creates,
    typeName: `photoncloud_${noun}`,
    component: method.desc.parent.typeName.split(".")[0] ?? "",
    description: `${creates?.comment ?? method.comment}${end}`,
    request: { fields, scope: creates?.scope ?? Scope.PROJECT },
    attributes: [...inputs, ...answers],
  };
}

/** Every annotated method. */
export const heldSchemas = (catalog: Catalog): readonly HeldSchema[] =>
  [...catalog.methods.values()].flatMap((method) => {
    if (method.ephemeral === undefined) return [];
    const creates = catalog.kinds.find(({ standard }) => standard.create === method);
    return [heldSchema(method, method.ephemeral.name, creates)];
  });

export class Held implements Ephemeral {
  readonly schema: HeldSchema;
  readonly #session: Session;

  constructor(schema: HeldSchema, session: Session) {
    this.schema = schema;
    this.#session = session;
  }

  validate(config: ValueMap): readonly Diagnostic[] {
    const { attributes, request } = this.schema;
    return validateConfig({ attributes, kind: request }, config, { writeOnly: true });
  }

  async open(config: ValueMap, signal: AbortSignal): Promise<Opened> {
    const { attributes, method, request, creates } = this.schema;
    const whole = new Map([...config, ...tenantDefaults(request, config, this.#session.tenant)]);
    const deadline = new Deadline(callMs, AbortSignal.any([signal, this.#session.stop.signal]));
    const answer = await this.#tell(`opening a ${this.schema.typeName}`, () =>
      // One key for all tries: what is asked again is not made again.
      this.#session.cloud.call(method, toJson(attributes, whole), changing(deadline, randomUUID())),
    );
    const told = fromJson(attributes, answer);
    const result = new Map(
      attributes.map(({ name }): [string, Value] => [name, whole.get(name) ?? told.get(name) ?? null]),
    );
    const at = { id: textOf(answer, "id"), orgId: textOf(answer, "orgId"), projectId: textOf(answer, "projectId") };
    const expireTime = textOf(answer, "expireTime");
    const outlived = expireTime === "" || method.ephemeral?.oneUse === true;
    return { result, kept: creates === undefined ? {} : at, ...(outlived ? {} : { renewAt: new Date(expireTime) }) };
  }

  async renew(kept: Kept): Promise<Renewed> {
    return { kept, diagnostics: [ended(this.schema.noun.replaceAll("_", " "))] };
  }

  async close(kept: Kept, signal: AbortSignal): Promise<readonly Diagnostic[]> {
    const { creates, noun } = this.schema;
    if (creates === undefined) return [];
    const at = { id: textOf(kept, "id"), org: textOf(kept, "orgId"), project: textOf(kept, "projectId") };
    const what = `${noun.replaceAll("_", " ")} ${at.id}`;
    try {
      // Also after Terraform was told to stop.
      const deadline = new Deadline(closeMs, signal);
      const calls = new KindCalls(this.#session.cloud, creates);
      return await remove({ calls, at, etag: "", what, isAsPlanned: () => true }, deadline);
    } catch (error) {
      return explain(error, [], `deleting ${what}, which is still there`);
    }
  }

  async #tell(doing: string, call: () => Promise<JsonObject>): Promise<JsonObject> {
    try {
      return await call();
    } catch (error) {
      throw new Problem(explain(error, this.schema.attributes, doing));
    }
  }
}
