// The one data source: finds a resource by its id or by its name, and shows all that the cloud says of it.
import { KindCalls, type Reference } from "../cloud.ts";
import { fromJson } from "../convert.ts";
import { attribute as attributeStep } from "../cty/path.ts";
import { Unknown, type ValueMap } from "../cty/value.ts";
import { Deadline } from "../deadline.ts";
import { type Diagnostic, errorAt, explain, isNotFound, isPhotonError, Problem, withRequest } from "../diagnostics.ts";
import { type JsonObject, textOf } from "../json-object.ts";
import { callMs, reading } from "../operation.ts";
import type { KindSchema } from "../schema.ts";
import type { Session } from "../session.ts";
import { referenceOf, tenantDefaults } from "../tenant.ts";

const elsewhere = "Where it lives elsewhere, set org_id and project_id.";

const given = (config: ValueMap, name: string): boolean => (config.get(name) ?? null) !== null;

export class DataSource {
  readonly schema: KindSchema;
  readonly #session: Session;

  constructor(schema: KindSchema, session: Session) {
    this.schema = schema;
    this.#session = session;
  }

  /** One of id and name must say which. */
  validate(config: ValueMap): readonly Diagnostic[] {
    const unknown = ["id", "name"].some((name) => config.get(name) instanceof Unknown);
    if (given(config, "id") && given(config, "name") && !unknown)
      return [errorAt([attributeStep("name")], "Two ways to find it", "id is given too: set either id or name.")];
    if (given(config, "id") || given(config, "name")) return [];
    return [errorAt([], `Which ${this.schema.kind.noun}?`, "Set id or name.")];
  }

  /** @throws Problem where there is none, or more than one. */
  async read(config: ValueMap, signal: AbortSignal): Promise<ValueMap> {
    try {
      return this.#shown(config, await this.#find(config, signal));
    } catch (error) {
      throw new Problem(explain(error, this.schema.attributes, `reading a ${this.schema.kind.noun}`));
    }
  }

  async #find(config: ValueMap, signal: AbortSignal): Promise<JsonObject> {
    const { kind } = this.schema;
    const where = new Map([...config, ...tenantDefaults(kind, config, this.#session.tenant)]);
    const at = referenceOf(where);
    const deadline = new Deadline(callMs, signal, this.#session.stop.signal);
    const terms = reading(deadline, this.#session.absentMs);
    const calls = new KindCalls(this.#session.cloud, kind);
    if (at.id !== "") return this.#byId(calls, at, terms);
    const name = String(config.get("name") ?? "");
    const [found, other] = (await calls.named(at, name, terms)).filter((item) => textOf(item, "name") === name);
    if (found !== undefined && other === undefined) return found;
    const many = `more than one ${kind.noun} is named ${JSON.stringify(name)}: set id instead (${textOf(found, "id")} is one of them)`;
    const detail = found === undefined ? `no ${kind.noun} is named ${JSON.stringify(name)}. ${elsewhere}` : `${many}.`;
    throw new Problem([errorAt([attributeStep("name")], "Not found by its name", `In ${this.#place(at)}, ${detail}`)]);
  }

  async #byId(calls: KindCalls, at: Reference, terms: ReturnType<typeof reading>): Promise<JsonObject> {
    try {
      return await calls.get(at, terms);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      const told = `In ${this.#place(at)}, there is no ${this.schema.kind.noun} ${at.id}. ${elsewhere}`;
      const id = isPhotonError(error) ? error.requestId : "";
      throw new Problem([errorAt([attributeStep("id")], "Not found", withRequest([told], id))]);
    }
  }

  #place({ org, project }: Reference): string {
    if (org === "") return "the system";
    return project === "" ? `org ${org}` : `org ${org}, project ${project}`;
  }

  /** What the user wrote stays as they wrote it. */
  #shown(config: ValueMap, found: JsonObject): ValueMap {
    const actual = fromJson(this.schema.attributes, found);
    return new Map([...actual].map(([name, value]) => [name, config.get(name) ?? value]));
  }
}
