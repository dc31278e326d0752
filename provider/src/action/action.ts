// The one action (protocol 6.10): calls the method, and waits until the resource has settled again.
import { randomUUID } from "node:crypto";
import { KindCalls, unknownTenant } from "../cloud.ts";
import { toJson } from "../convert.ts";
import { Unknown, type ValueMap } from "../cty/value.ts";
import { Deadline } from "../deadline.ts";
import type { Diagnostic } from "../diagnostics.ts";
import { textOf } from "../json-object.ts";
import { changing, settled } from "../operation.ts";
import type { Session } from "../session.ts";
import { telling } from "../telling.ts";
import { referenceOf, tenantDefaults } from "../tenant.ts";
import { validateConfig } from "../validate-config.ts";
import type { ActionSchema } from "./action-schema.ts";

/** As long as an update of the resource may take, in milliseconds. */
const actionMs = 20 * 60_000;

export class Action {
  readonly schema: ActionSchema;
  readonly #session: Session;

  constructor(schema: ActionSchema, session: Session) {
    this.schema = schema;
    this.#session = session;
  }

  validate(config: ValueMap): readonly Diagnostic[] {
    return validateConfig(this.schema, config, { writeOnly: true });
  }

  /** Whether something that it needs is not known yet. @throws Problem where a tenant is missing */
  isUndecided(config: ValueMap): boolean {
    const where = this.#whole(config);
    return where.get("id") instanceof Unknown || unknownTenant(this.schema.of, where);
  }

  /** Tells what it does; answers what went wrong. @throws Problem, PhotonError */
  async *invoke(config: ValueMap, signal: AbortSignal): AsyncGenerator<string, readonly Diagnostic[]> {
    const { of, method, attributes } = this.schema;
    const whole = this.#whole(config);
    const named = referenceOf(whole);
    const what = `${of.noun} ${named.id}`.trimEnd();
    const deadline = new Deadline(actionMs, AbortSignal.any([signal, this.#session.stop.signal]));
    yield `${method.desc.name}: ${what}`;
    // One key for all tries of this run: what is asked again is not done again.
    const terms = changing(deadline, randomUUID());
    const first = await this.#session.cloud.call(method, toJson(attributes, whole), terms);
    const at = { ...named, id: textOf(first, "id") };
    const calls = new KindCalls(this.#session.cloud, of);
    return yield* telling(async (tell) => {
      const { diagnostics } = await settled(calls, at, first, `${of.noun} ${at.id}`, deadline, tell);
      return diagnostics;
    });
  }

  #whole(config: ValueMap): ValueMap {
    return new Map([...config, ...tenantDefaults(this.schema.of, config, this.#session.tenant)]);
  }
}
