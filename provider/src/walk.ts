// What one walk of Terraform's over its graph has met so far: what a plan must know to tell a real refusal from one that the same plan mends.

import type { Attribute } from "./attribute.ts";
import { attributePath } from "./attribute-path.ts";
import type { Step } from "./cty/path.ts";
import { isList, isMap, type Value, type ValueMap } from "./cty/value.ts";
import { askAbsentMs } from "./presence.ts";
import { QuotaTally } from "./quotas.ts";
import { Room } from "./room.ts";

const text = (value: Value | undefined): string => (typeof value === "string" ? value : "");

export class Walk {
  /** How the cloud's errors name what this configuration manages: ids, and "subnet web". */
  readonly #managed = new Set<string>();
  /** Ids that are chosen, of what will be created. */
  readonly #coming = new Set<string>();
  /** Whether the cloud is asked: not any more once it can't tell. */
  asking = true;
  /** Whether it is a plan's, and not the one that an apply makes, or the apply's own, which must find again what was foreseen. */
  onlyPlans = false;
  /** Whether the walk makes changes: it is no plan, then. */
  applying = false;
  /** Whether a plan may lose data in what it changes. */
  allowsDataLoss = false;
  /** What is asked of quotas so far. */
  readonly quotas = new QuotaTally();
  /** What becomes free of them. */
  readonly room = new Room();

  #told = false;

  /** How long a question is repeated where nobody listens; undefined: as long as it may take. Milliseconds. */
  get absentMs(): number | undefined {
    return this.onlyPlans ? askAbsentMs : undefined;
  }

  /** True once. */
  tellOnce(): boolean {
    const first = !this.#told;
    this.#told = true;
    return first;
  }

  manages(noun: string, state: ValueMap): void {
    const [id, name] = [text(state.get("id")), text(state.get("name"))];
    if (id !== "") this.#managed.add(id).add(`${noun.replaceAll("_", " ")} ${id}`);
    if (name !== "") this.#managed.add(`${noun.replaceAll("_", " ")} ${name}`);
  }

  willCreate(planned: ValueMap): void {
    const id = text(planned.get("id"));
    if (id !== "") this.#coming.add(id);
  }

  /** Whether something is named that this configuration manages: the same plan may take it out of the way. */
  namesManaged(words: string): boolean {
    const parts = words.split(/[^\w.-]+/).map((part) => part.replace(/\.$/, ""));
    return parts.some(
      (part, i) => (part.includes("-") && this.#managed.has(part)) || this.#managed.has(`${parts[i - 1]} ${part}`),
    );
  }

  /** Whether a value names what the same plan creates. */
  isComing(value: Value): boolean {
    return typeof value === "string" && value.split(/[/:]/).some((part) => this.#coming.has(part));
  }

  /** Whether the value at a path of the cloud's names what the same plan creates. */
  comesAt(attributes: readonly Attribute[], config: ValueMap, path: string): boolean {
    return this.isComing(valueAt(config, attributePath(attributes, path)));
  }
}

/** What a value holds at a path; null: nothing. */
export function valueAt(config: ValueMap, path: readonly Step[]): Value {
  let value: Value = config;
  for (const step of path) {
    if ("index" in step) value = isList(value) ? (value[step.index] ?? null) : null;
    else if (isMap(value)) value = value.get("key" in step ? step.key : step.attribute) ?? null;
    else return null;
  }
  return value;
}
