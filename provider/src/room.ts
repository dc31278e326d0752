// Room that one walk of Terraform's makes for itself: what it removes or shrinks frees quotas that something else of it asks for. Terraform tells of
// its changes one by one, in no order, and several at a time: whether room comes is known when nothing else is under way any more.
import type { KindFacts as Kind } from "@photoncloud/proto";
import type { Attribute, Shape } from "./attribute.ts";
import { isList, isMap, isNumber, numberText, type Value, type ValueMap } from "./cty/value.ts";
import type { Deadline } from "./deadline.ts";
import { referenceOf } from "./tenant.ts";

/** How long nothing else must be under way, in milliseconds: Terraform goes from one step to the next in far less. */
const quietMs = 1_000;
/** How often it is looked at, in milliseconds. */
const lookMs = 20;

/** A quota that leaves no room. */
export interface Need {
  /** "org/acme/project/web" */
  readonly scope: string;
  /** "vms" */
  readonly dimension: string;
}

/** "made": something has gone since. "planned": it will, or may. "another": who asks for the same is answered instead. "none": nothing goes. */
export type Verdict = "made" | "planned" | "another" | "none";

const keyOf = ({ scope, dimension }: Need): string => JSON.stringify([scope, dimension]);

export class Room {
  readonly #quietMs: number;
  readonly #planned = new Set<string>();
  /** By need: who asked last. */
  readonly #asking = new Map<string, object>();
  /** Who waits in an apply, the first of them first: they give up one by one. */
  readonly #waiting = new Set<object>();
  #made = 0;
  #underWay = 0;
  #last = performance.now();

  constructor(quiet = quietMs) {
    this.#quietMs = quiet;
  }

  /** Counts what has made room. */
  get made(): number {
    return this.#made;
  }

  /** Something of Terraform's is under way. */
  async during<T>(run: () => Promise<T>): Promise<T> {
    this.#underWay += 1;
    try {
      return await run();
    } finally {
      this.#underWay -= 1;
      this.#last = performance.now();
    }
  }

  /** A removal is planned, or with `next` a change. */
  frees(kind: Kind, attributes: readonly Attribute[], prior: ValueMap, next?: ValueMap): void {
    const after = next && takes(attributes, next);
    const { org, project } = referenceOf(prior);
    const scopes = [`org/${org}`, ...(project === "" ? [] : [`org/${org}/project/${project}`])];
    const less = [...takes(attributes, prior)].filter(([name, amount]) => amount > (after?.get(name) ?? 0));
    const dimensions = [...less.map(([name]) => name), ...(next === undefined ? [kind.plural] : [])];
    for (const scope of scopes) for (const dimension of dimensions) this.#planned.add(keyOf({ scope, dimension }));
  }

  /** Something has gone, or is smaller. */
  freed(): void {
    this.#made += 1;
  }

  /** For a plan: whether the same walk makes room. Of those who need the same the last one is told, so that at most a few wait. */
  async verdict(needs: readonly Need[], deadline: Deadline): Promise<Verdict> {
    const [keys, made, me] = [needs.map(keyOf), this.#made, {}];
    for (const key of keys) this.#asking.set(key, me);
    const found = (): Verdict | undefined => {
      if (this.#made > made) return "made";
      if (keys.some((key) => this.#planned.has(key))) return "planned";
      if (!keys.some((key) => this.#asking.get(key) === me)) return "another";
      return this.#isQuiet() ? "none" : undefined;
    };
    return (await this.#asBystander(found, deadline)) ?? "planned";
  }

  /** For an apply: waits until something more has gone than was `seen`. False: nothing will. */
  async comes(seen: number, deadline: Deadline): Promise<boolean> {
    const me = {};
    this.#waiting.add(me);
    const found = (): boolean | undefined => {
      if (this.#made > seen) return true;
      return this.#waiting.values().next().value === me && this.#isQuiet() ? false : undefined;
    };
    try {
      return (await this.#asBystander(found, deadline)) ?? false;
    } finally {
      this.#waiting.delete(me);
    }
  }

  #isQuiet(): boolean {
    return this.#underWay === 0 && performance.now() - this.#last >= this.#quietMs;
  }

  /** Looks until something is found; undefined when the time is over. Who looks is not under way. */
  async #asBystander<T>(found: () => T | undefined, deadline: Deadline): Promise<T | undefined> {
    this.#underWay -= 1;
    this.#last = performance.now();
    try {
      for (;;) {
        const told = found();
        if (told !== undefined || deadline.over) return told;
        await deadline.pause(lookMs);
      }
    } finally {
      this.#underWay += 1;
    }
  }
}

/** What a resource takes, of what quotas add up. */
function takes(attributes: readonly Attribute[], value: Value, sums = new Map<string, number>()): Map<string, number> {
  if (!isMap(value)) return sums;
  for (const { name, shape, field } of attributes)
    add(shape, value.get(name) ?? null, field?.options?.addsTo ?? "", sums);
  return sums;
}

function add(shape: Shape, value: Value, to: string, sums: Map<string, number>): void {
  if (shape.kind === "object") takes(shape.attributes, value, sums);
  else if (shape.kind === "scalar") {
    if (to !== "" && isNumber(value)) sums.set(to, (sums.get(to) ?? 0) + Number(numberText(value)));
  } else if (isList(value)) for (const item of value) add(shape.of, item, to, sums);
  else if (isMap(value)) for (const item of value.values()) add(shape.of, item, to, sums);
}

/** What quotas add up of a kind at a path of the cloud's, or below it; "": its resources themselves. */
export function dimensionsAt(kind: Kind, attributes: readonly Attribute[], path: string): readonly string[] {
  return path === "" ? [kind.plural] : addedAt(attributes, path, "");
}

function addedAt(attributes: readonly Attribute[], path: string, within: string): readonly string[] {
  return attributes.flatMap(({ shape, field }) => {
    const at = `${within}${field?.name ?? ""}`;
    const to = field?.options?.addsTo ?? "";
    const inner = attributesIn(shape);
    const own = to !== "" && (at === path || at.startsWith(`${path}.`)) ? [to] : [];
    return [...own, ...addedAt(inner, path, `${at}.`)];
  });
}

function attributesIn(shape: Shape): readonly Attribute[] {
  if (shape.kind === "object") return shape.attributes;
  return shape.kind === "scalar" ? [] : attributesIn(shape.of);
}
