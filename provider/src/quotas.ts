// What a plan asks of quotas in all: each of its resources may fit by itself where all of them together do not.
import { isJsonObject, type JsonObject } from "./json-object.ts";

/** How far a quota is used, and what one planned change would add. */
export interface QuotaUse {
  /** "org/acme/project/web" */
  readonly scope: string;
  /** "vms" */
  readonly dimension: string;
  readonly limit: number;
  readonly used: number;
  readonly asked: number;
}

/** As Connect's JSON has it: whole numbers are texts, and zeros are left out. */
export function quotaUse(one: unknown): QuotaUse {
  const { scope, dimension, limit, used, asked }: JsonObject = isJsonObject(one) ? one : {};
  const number = (value: unknown): number => Number(value ?? 0);
  return {
    scope: String(scope),
    dimension: String(dimension),
    limit: number(limit),
    used: number(used),
    asked: number(asked),
  };
}

/** Over one walk. */
export class QuotaTally {
  readonly #asked = new Map<string, number>();

  /** Adds what one more resource asks for. Answers the quotas that do not hold with it, with all that is asked for up to here. */
  add(uses: readonly QuotaUse[]): readonly QuotaUse[] {
    return uses.flatMap((use) => {
      const name = JSON.stringify([use.scope, use.dimension]);
      const asked = (this.#asked.get(name) ?? 0) + use.asked;
      this.#asked.set(name, asked);
      return use.asked > 0 && use.used + asked > use.limit ? [{ ...use, asked }] : [];
    });
  }
}

export function beyond({ scope, dimension, limit, used, asked }: QuotaUse, what: string): string {
  return `The quota of ${scope} for ${dimension} is ${limit}: ${used} are used, and with ${what} this plan needs ${asked} more. Plan less, delete what is not needed, or have the quota raised.`;
}
