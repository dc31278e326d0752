// A catalog written down, for programs that start too often to read descriptors: text for each kind and method, read when it is asked for.
import type { Catalog, StandardVerb } from "./catalog.ts";
import type { CatalogFacts, KindFacts, MethodFacts } from "./facts.ts";
import { type PackedField, packFields, unpackFields } from "./packed-field.ts";

/** Texts of JSON. */
export interface PackedCatalog {
  /** By noun. */
  readonly kinds: Readonly<Record<string, string>>;
  /** By service and method: without their messages. */
  readonly methods: Readonly<Record<string, string>>;
  /** The messages of those methods that are no plain change or read of a kind. */
  readonly messages: Readonly<Record<string, string>>;
}

type Messages = "inputs" | "outputs";
type PackedMethod = Omit<MethodFacts, Messages>;
type PackedMessages = Readonly<Record<Messages, readonly PackedField[]>>;
interface PackedKind extends Omit<KindFacts, "fields" | "standard" | "custom" | "queries"> {
  readonly fields: readonly PackedField[];
  /** Names of methods. */
  readonly standard: Readonly<Record<StandardVerb, string>>;
  readonly custom: readonly string[];
  readonly queries: readonly string[];
}

const nameOf = ({ desc }: MethodFacts): string => `${desc.parent.typeName}/${desc.name}`;

const eachVerb = <Part>(of: (verb: StandardVerb) => Part): Readonly<Record<StandardVerb, Part>> => ({
  create: of("create"),
  get: of("get"),
  batchGet: of("batchGet"),
  list: of("list"),
  update: of("update"),
  delete: of("delete"),
  watch: of("watch"),
  plan: of("plan"),
});

/** Comments are for schemas and docs, which are made from the descriptors. */
function packMethod({ inputs, outputs, ...method }: MethodFacts): PackedMethod {
  const { name, methodKind, parent } = method.desc;
  return { ...method, desc: { name, methodKind, parent: { typeName: parent.typeName } }, comment: "" };
}

function packKind(kind: KindFacts): PackedKind {
  const { typeName, name, component, scope, noun, plural, idPrefix, chosenId, isScope, ownScopeOnly } = kind;
  const { plansDeletion } = kind;
  return {
    typeName,
    name,
    component,
    scope,
    noun,
    plural,
    idPrefix,
    chosenId,
    isScope,
    ownScopeOnly,
    plansDeletion,
    fields: packFields(kind.fields),
    comment: "",
    standard: eachVerb((verb) => nameOf(kind.standard[verb])),
    custom: kind.custom.map(nameOf),
    queries: kind.queries.map(nameOf),
  };
}

const packMessages = ({ inputs, outputs }: MethodFacts): PackedMessages => ({
  inputs: packFields(inputs),
  outputs: packFields(outputs),
});

/** Writes a catalog down. */
export function packCatalog(catalog: Pick<Catalog, "kinds" | "methods">): PackedCatalog {
  const plain = new Set(catalog.kinds.flatMap(({ standard }) => Object.values(standard)));
  const methods = [...catalog.methods.values()];
  const asked = methods.filter((method) => !plain.has(method) || method.ephemeral !== undefined || method.action);
  const text = JSON.stringify;
  return {
    kinds: Object.fromEntries(catalog.kinds.map((kind) => [kind.noun, text(packKind(kind))])),
    methods: Object.fromEntries(methods.map((method) => [nameOf(method), text(packMethod(method))])),
    messages: Object.fromEntries(asked.map((method) => [nameOf(method), text(packMessages(method))])),
  };
}

/** Reads each text once, when it is first asked for; only what `packCatalog` wrote is read. */
function reading<Packed, Part>(
  texts: Readonly<Record<string, string>>,
  unpack: (packed: Packed, name: string) => Part,
) {
  const read = new Map<string, Part>();
  return (name: string): Part | undefined => {
    const text = Object.hasOwn(texts, name) ? texts[name] : undefined;
    const found = read.get(name);
    if (found !== undefined || text === undefined) return found;
    const part = unpack(JSON.parse(text), name);
    read.set(name, part);
    return part;
  };
}

/** Reads what `packCatalog` wrote. Of a plain change or read of a kind, asking for the messages throws. */
export function unpackCatalog(packed: PackedCatalog): CatalogFacts {
  const messages = reading(packed.messages, ({ inputs, outputs }: PackedMessages) => ({
    inputs: unpackFields(inputs),
    outputs: unpackFields(outputs),
  }));
  const messageOf = (name: string, which: Messages) => {
    const found = messages(name);
    if (found === undefined) throw new Error(`the messages of ${name} are not packed`);
    return found[which];
  };
  const method = reading(
    packed.methods,
    (plain: PackedMethod, name): MethodFacts => ({
      ...plain,
      get inputs() {
        return messageOf(name, "inputs");
      },
      get outputs() {
        return messageOf(name, "outputs");
      },
    }),
  );
  const known = (name: string): MethodFacts => {
    const found = method(name);
    if (found === undefined) throw new Error(`${name} is not packed`);
    return found;
  };
  const byNoun = reading(
    packed.kinds,
    ({ fields, standard, custom, queries, ...kind }: PackedKind): KindFacts => ({
      ...kind,
      fields: unpackFields(fields),
      standard: eachVerb((verb) => known(standard[verb])),
      custom: custom.map(known),
      queries: queries.map(known),
    }),
  );
  return {
    get kinds() {
      return Object.keys(packed.kinds).flatMap((noun) => byNoun(noun) ?? []);
    },
    methods: { get: method, values: () => Object.keys(packed.methods).map(known) },
    byNoun,
  };
}
