// One resource for each place where a value may stand: the value changes from phase to phase, and all else stays as it is.
import { catalog, type Kind, Scope } from "@photoncloud/proto";
import fc from "fast-check";
import type { Attribute, Shape } from "../../../provider/src/attribute.ts";
import { resourceSchema, tenantFields } from "../../../provider/src/schema.ts";
import { type Drawing, type Json, valuesOf } from "./drawing.ts";
import { always, besides, fullName, knownOf, standingWith, together } from "./known.ts";
import { leafOf, type Place, placeName, placesOf, within } from "./places.ts";

export type Block = Readonly<Record<string, Json>>;
/** The configuration's resources: by type, then by name. */
export type Resources = Readonly<Record<string, Readonly<Record<string, Block>>>>;

const names = ["one", "two"] as const;
const schemas = new Map<Kind, readonly Attribute[]>();

/** The attributes of a kind's resource; the same ones each time. */
export function attributesOf(kind: Kind): readonly Attribute[] {
  const known = schemas.get(kind) ?? resourceSchema(kind).attributes;
  schemas.set(kind, known);
  return known;
}

/** Draws values for a configuration that has two of every kind that is referred to: "one" and "two". */
export class Drawer implements Drawing {
  readonly #seed: number;
  #count = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  readonly unique = (): number => ++this.#count;

  draw<T>(of: fc.Arbitrary<T>): T {
    const [one] = fc.sample(of, { seed: this.#seed + this.unique(), numRuns: 1 });
    if (one === undefined) throw new Error("nothing was drawn");
    return one;
  }

  /** What stands where another value is tried. */
  usual(attribute: Attribute): Json {
    const [first] = (attribute.field && this.known(attribute.field)?.(this)) ?? [];
    const value = first ?? this.draw(valuesOf(attribute, this) ?? fc.constant(""));
    return JSON.parse(JSON.stringify(value).replaceAll(/(\{photoncloud_\w+\.)two\./g, "$1one."));
  }

  references(typeName: string): readonly string[] {
    const kind = catalog().byTypeName(typeName);
    return kind === undefined ? [] : names.map((name) => `\${photoncloud_${kind.noun}.${name}.id}`);
  }

  known = knownOf;
  always = always;
}

/** More than enough to draw another value of a few. */
const tries = 40;

export class Subject {
  readonly kind: Kind;
  readonly place: Place;
  readonly name: string;
  /** What stays the same from phase to phase, by its place. */
  readonly #fixed = new Map<string, Json>();
  readonly #drawer: Drawer;
  #changes = 0;
  /** What stands at the place now; undefined: nothing is written there. */
  value: Json | undefined;

  constructor(kind: Kind, place: Place, drawer: Drawer) {
    this.kind = kind;
    this.place = place;
    this.name = placeName(place).replaceAll(".", "_");
    this.#drawer = drawer;
    if (always(leafOf(place))) this.change();
  }

  get type(): string {
    return `photoncloud_${this.kind.noun}`;
  }

  get address(): string {
    return `${this.type}.${this.name}`;
  }

  /** Writes another value than is there; false where there is no other. */
  change(isThere: (value: Json) => boolean = () => false): boolean {
    for (let i = 0; i < tries; i++) {
      const values = valuesOf(leafOf(this.place), this.#drawer);
      if (values === undefined) return false;
      const value = this.#drawer.draw(values);
      if (JSON.stringify(value) === JSON.stringify(this.value) || isThere(value)) continue;
      this.value = value;
      this.#changes++;
      return true;
    }
    return false;
  }

  /** Takes the value away; false where it must be there. */
  clear(): boolean {
    if (this.value === undefined || always(leafOf(this.place))) return false;
    this.value = undefined;
    return true;
  }

  /** Its block; without what only the provider knows, as after an import. */
  block({ own = true } = {}): Block {
    const { field } = leafOf(this.place);
    const name = field === undefined ? "" : fullName(field);
    const beside = { ...besides[name], ...(this.value === undefined ? {} : together[name]) };
    const block = { ...this.#object(attributesOf(this.kind), this.place.attributes, ""), ...beside };
    const known = new Set(attributesOf(this.kind).flatMap((a) => (a.field === undefined ? [] : [a.name])));
    return own ? block : Object.fromEntries(Object.entries(block).filter(([name]) => known.has(name)));
  }

  #object(attributes: readonly Attribute[], way: readonly Attribute[], at: string): Block {
    const [next, ...rest] = way;
    const entries = attributes.flatMap((a): [string, Json][] => {
      if (a === next) return this.#onTheWay(a, rest, `${at}.${a.name}`);
      return always(a) && !this.#gives(a, next) ? [[a.name, this.#kept(a, `${at}.${a.name}`)]] : [];
    });
    return Object.fromEntries(entries);
  }

  #onTheWay(a: Attribute, rest: readonly Attribute[], at: string): [string, Json][] {
    if (rest.length > 0) return [[a.name, this.#wrapped(a.shape, rest, at)]];
    if (this.value === undefined) return [];
    return [[a.name, this.value], ...(a.writeOnly ? [[`${a.name}_version`, this.#changes] as [string, Json]] : [])];
  }

  #wrapped(shape: Shape, rest: readonly Attribute[], at: string): Json {
    if (shape.kind === "map") return { it: this.#wrapped(shape.of, rest, at) };
    if (shape.kind === "list" || shape.kind === "set") return [this.#wrapped(shape.of, rest, at)];
    return this.#object(within(shape), rest, at);
  }

  /** Whether a member of the same oneof is there in its place. */
  #gives(a: Attribute, next: Attribute | undefined): boolean {
    return (
      a.field?.oneof !== undefined &&
      a.field.oneof === next?.field?.oneof &&
      (next !== leafOf(this.place) || this.value !== undefined)
    );
  }

  #kept(a: Attribute, at: string): Json {
    const known = this.#fixed.get(at);
    if (known !== undefined) return known;
    const value = this.#drawer.usual(a);
    this.#fixed.set(at, value);
    return value;
  }
}

/** What the provider adds, and what else places a resource than the innermost level of its tenant, is no subject of its own. */
function isSubject(kind: Kind, { attributes: [root] }: Place): boolean {
  if (!tenantFields.has(root.name)) return root.field !== undefined;
  const innermost = kind.scope === Scope.PROJECT ? "project_id" : "org_id";
  const refers = kind.fields.some((field) => field.required && field.reference !== "");
  return kind.scope !== Scope.ANY && root.name === innermost && !refers;
}

/** A subject for each place of each kind. */
export const subjectsOf = (kinds: readonly Kind[], drawer: Drawer): readonly Subject[] =>
  kinds.flatMap((kind) =>
    placesOf(attributesOf(kind))
      .filter((place) => isSubject(kind, place))
      .map((place) => new Subject(kind, place, drawer)),
  );

/** What the blocks refer to, and what that refers to. */
export function standing(blocks: readonly unknown[], drawer: Drawer, there: Resources = {}): Resources {
  const made = new Map<string, Record<string, Block>>(Object.entries(there).map(([type, of]) => [type, { ...of }]));
  const queue = [...blocks];
  for (let next = queue.pop(); next !== undefined; next = queue.pop())
    for (const [, noun = "", name = ""] of JSON.stringify(next).matchAll(/\{photoncloud_(\w+)\.(one|two|n\d+)\./g)) {
      const kind = catalog().byNoun(noun);
      const ofType = made.get(`photoncloud_${noun}`) ?? {};
      if (kind === undefined || ofType[name] !== undefined) continue;
      const block = standingBlock(kind, name, drawer);
      made.set(`photoncloud_${noun}`, { ...ofType, [name]: block });
      queue.push(block);
    }
  return Object.fromEntries(made);
}

/** "one" stands on what is called "one", "two" on what is called "two". */
function standingBlock(kind: Kind, name: string, drawer: Drawer): Block {
  const written = attributesOf(kind).filter(always);
  const block = {
    ...Object.fromEntries(written.map((a) => [a.name, drawer.usual(a)])),
    ...standingWith[kind.typeName]?.[name === "one" || name === "two" ? name : "others"],
  };
  return JSON.parse(
    JSON.stringify(block).replaceAll(/(\{photoncloud_\w+\.)(?:one|two)\./g, `$1${name === "two" ? "two" : "one"}.`),
  );
}

export function resourcesOf(subjects: readonly Subject[], standing: Resources, { own = true } = {}): Resources {
  const all = new Map<string, Record<string, Block>>(Object.entries(standing).map(([type, of]) => [type, { ...of }]));
  for (const subject of subjects)
    all.set(subject.type, { ...all.get(subject.type), [subject.name]: subject.block({ own }) });
  return Object.fromEntries(all);
}
