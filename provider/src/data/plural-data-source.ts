// The one data source that finds many: all of a kind that a filter takes, asked for page by page.
import { KindCalls } from "../cloud.ts";
import { fromJson } from "../convert.ts";
import { attribute as attributeStep } from "../cty/path.ts";
import { isNumber, numberText, type ValueMap } from "../cty/value.ts";
import { type Diagnostic, errorAt, explain, Problem } from "../diagnostics.ts";
import { type JsonObject, textOf } from "../json-object.ts";
import { filterOf, filterProblems } from "../list/filter.ts";
import { found } from "../list/found.ts";
import { type KindSchema, tenantFields } from "../schema.ts";
import type { Session } from "../session.ts";
import { referenceOf, tenantDefaults } from "../tenant.ts";
import { itemAttributes, pluralSchema } from "./plural-schema.ts";

/** 0: all. */
function limitOf(config: ValueMap): number {
  const limit = config.get("limit") ?? null;
  return isNumber(limit) ? Number(numberText(limit)) : 0;
}

export class PluralDataSource {
  readonly schema: KindSchema;
  readonly #session: Session;

  constructor(kind: KindSchema["kind"], session: Session) {
    this.schema = pluralSchema(kind);
    this.#session = session;
  }

  validate(config: ValueMap): readonly Diagnostic[] {
    const path = [attributeStep("limit")];
    const none = isNumber(config.get("limit") ?? null) && !(limitOf(config) >= 1);
    const wrong = none ? [errorAt(path, "Invalid value", "It is at least 1. Leave it out to find all.")] : [];
    return [...filterProblems(this.schema, config), ...wrong];
  }

  /** None is an answer, too. @throws Problem */
  async read(config: ValueMap, signal: AbortSignal): Promise<ValueMap> {
    const { kind } = this.schema;
    try {
      const items: JsonObject[] = [];
      for await (const item of this.#found(config, signal)) items.push(item);
      const attributes = itemAttributes(kind);
      return new Map([
        ...config,
        ["ids", items.map((item) => textOf(item, "id"))],
        [kind.plural, items.map((item) => fromJson(attributes, item))],
      ]);
    } catch (error) {
      throw new Problem(explain(error, this.schema.attributes, `finding ${kind.plural}`));
    }
  }

  /** From where it looks is no filter: what is inherited from above is found, too. */
  #found(config: ValueMap, signal: AbortSignal): AsyncGenerator<JsonObject> {
    const { kind } = this.schema;
    const at = referenceOf(new Map([...config, ...tenantDefaults(kind, config, this.#session.tenant)]));
    const narrowed = new Map([...config].filter(([name]) => !tenantFields.has(name)));
    const wanted = {
      filter: filterOf(this.schema, narrowed),
      limit: limitOf(config),
      absentMs: this.#session.absentMs,
    };
    const stop = AbortSignal.any([signal, this.#session.stop.signal]);
    return found(new KindCalls(this.#session.cloud, kind), at, wanted, stop);
  }
}
