// The one list resource (protocol 6.10, `terraform query`): asks the cloud page by page, and tells what it finds as it comes.
import { KindCalls, type Reference } from "../cloud.ts";
import { fromJson } from "../convert.ts";
import type { ValueMap } from "../cty/value.ts";
import { stubAt } from "../identity.ts";
import { type JsonObject, textOf } from "../json-object.ts";
import { refresh } from "../merge.ts";
import { type KindSchema, resourceSchema } from "../schema.ts";
import type { Session } from "../session.ts";
import { referenceOf, tenantDefaults } from "../tenant.ts";
import { filterOf, listSchema } from "./filter.ts";
import { found } from "./found.ts";

export interface Found {
  /** Its state, as an import would read it. */
  readonly state: ValueMap;
  /** For people. */
  readonly name: string;
}

export class ListResource {
  readonly schema: KindSchema;
  readonly #resource: KindSchema;
  readonly #session: Session;

  constructor(kind: KindSchema["kind"], session: Session) {
    this.schema = listSchema(kind);
    this.#resource = resourceSchema(kind);
    this.#session = session;
  }

  /**
   * What there is, at most `limit` (0: all). Only what lives in the tenant itself: what is seen from above is managed there.
   *
   * @throws Problem, PhotonError
   */
  async *list(config: ValueMap, limit: number, signal: AbortSignal): AsyncGenerator<Found> {
    const { kind } = this.schema;
    const where = new Map([...config, ...tenantDefaults(kind, config, this.#session.tenant)]);
    const calls = new KindCalls(this.#session.cloud, kind);
    const stop = AbortSignal.any([signal, this.#session.stop.signal]);
    // The tenant is a part of the call, and of the filter too: lists also show what is seen from above.
    const filter = filterOf(this.schema, where);
    const at = referenceOf(where);
    const { absentMs } = this.#session;
    for await (const item of found(calls, at, { filter, limit, absentMs }, stop)) yield this.#found(item, at);
  }

  #found(item: JsonObject, at: Reference): Found {
    const { attributes } = this.#resource;
    const state = refresh(
      attributes,
      stubAt(this.#resource, { ...at, id: textOf(item, "id") }),
      fromJson(attributes, item),
    );
    return { state, name: textOf(item, "name") || textOf(item, "id") };
  }
}
