// A block of HCL for any kind, from the catalog's own examples: required fields, and what they refer to.
import { catalog, enumShortName, type FieldFacts as Field, type KindFacts as Kind } from "@photoncloud/proto";

/** A kind's block with the blocks that it stands on. */
export interface Example {
  /** "photoncloud_subnet.it" */
  readonly address: string;
  readonly hcl: string;
}

/** Values that can't be drawn from an annotation: ids that must be there already, or texts that follow no annotated form. */
const given: Readonly<Record<string, string>> = {
  "prismnet.v1.ExternalNetwork.org_id": "",
  "prismnet.v1.ExternalNetwork.project_id": "",
  // The cloud begins with one on the usual wire.
  "prismnet.v1.ExternalNetwork.physical_network": "another",
  "iam.v1.RoleBinding.role_id": "ProjectViewer",
  // In earnest of an ephemeral resource that draws it.
  "iam.v1.RotateServiceAccountKeyRequest.secret": `pck_\${substr(sha512(uuid()), 0, 43)}`,
  "iam.v1.RoleBinding.principal": `service_account:acme-corp/\${photoncloud_service_account.it.id}`,
};

/** Attributes that the cloud asks for although their annotations do not. */
const asked: Readonly<Record<string, readonly string[]>> = {
  "plasmavmc.v1.Image": ["source_url"],
  // It is the whole system's.
  "prismnet.v1.ExternalNetwork": ["org_id", "project_id", "physical_network"],
  "prismnet.v1.Route": ["drop"],
};

/** Kinds that a text above speaks of. */
const besides: Readonly<Record<string, readonly string[]>> = { "iam.v1.RoleBinding": ["service_account"] };

/** A field's example as HCL: its annotation's, or the id of the example that it refers to. */
export function literal(field: Field, indent: string): string {
  const { type } = field;
  const text = given[`${field.desc.parent.typeName}.${field.name}`];
  if (text !== undefined) return JSON.stringify(text);
  const target = field.reference === "" ? undefined : catalog().byTypeName(field.reference);
  if (target !== undefined) return `photoncloud_${target.noun}.it.id`;
  if (type.type === "message") return `{\n${block(type.fields, `${indent}  `)}${indent}}`;
  if (type.type === "list" && type.of.type === "message")
    return `[{\n${block(type.of.fields, `${indent}  `)}${indent}}]`;
  if (type.type === "enum") return JSON.stringify(enumShortName(type.desc, type.desc.values[1]?.number ?? 0));
  const example = field.options?.example ?? "";
  if (type.type === "int32" || type.type === "int64") return example || "1";
  if (type.type === "map") return example || `{ it = ${literal({ ...field, type: type.of }, indent)} }`;
  return JSON.stringify(example === "" ? "it" : example);
}

/** Whether examples give it a value. */
export const isShown = (field: Field): boolean =>
  field.required || (asked[field.desc.parent.typeName]?.includes(field.name) ?? false);

const block = (fields: readonly Field[], indent: string): string =>
  fields
    .filter(isShown)
    .map((field) => `${indent}${field.name} = ${literal(field, indent)}\n`)
    .join("");

const referred = (fields: readonly Field[]): Kind[] =>
  fields
    .filter((field) => field.required)
    .flatMap((field) => {
      if (field.type.type === "message") return referred(field.type.fields);
      const target =
        given[`${field.desc.parent.typeName}.${field.name}`] === undefined
          ? catalog().byTypeName(field.reference)
          : undefined;
      return target === undefined ? [] : [target];
    });

/** What a kind stands on, itself last. */
function standing(kind: Kind): Kind[] {
  const more = (besides[kind.typeName] ?? []).flatMap((noun) => catalog().byNoun(noun) ?? []);
  const below = [...referred(kind.fields), ...more].flatMap(standing);
  return [...new Set([...below, kind])];
}

/** Changes to the block of the kind itself, by attribute: HCL. */
export type Changes = Readonly<Record<string, string>>;

/** The example of a kind; `changes` take the place of its attributes. */
export function exampleOf(kind: Kind, changes: Changes = {}): Example {
  const blocks = standing(kind).map((one) => {
    // What it stands on has the addresses of the examples, so that the kind's own example fits in.
    const address = addressOf(one);
    const below =
      address === undefined || address.required ? {} : { [address.name]: JSON.stringify(address.options?.example) };
    const own: Changes = one === kind ? changes : below;
    const fields = one.fields.filter((field) => own[field.name] === undefined);
    const more = Object.entries(own)
      .map(([name, value]) => `  ${name} = ${value}\n`)
      .join("");
    return `resource "photoncloud_${one.noun}" "it" {\n${block(fields, "  ")}${more}}\n`;
  });
  return { address: `photoncloud_${kind.noun}.it`, hcl: blocks.join("") };
}

const isAddress = (text: string): boolean => /^[\d./]+$/.test(text);

/** The first address or network that can't change, as the annotations show it. */
const addressOf = (kind: Kind): Field | undefined =>
  kind.fields.find((f) => f.immutable && f.type.type === "string" && isAddress(f.options?.example || "-"));

/** A change that needs a new resource, and nothing else: the next address, network or id; undefined where there is none. */
export function replacement(kind: Kind): Changes | undefined {
  const field = addressOf(kind);
  if (field === undefined)
    return kind.chosenId ? { id: JSON.stringify(`other-${kind.noun.replaceAll("_", "-")}`) } : undefined;
  const example = field.options?.example ?? "";
  const next = example.replace(
    /(\d*[1-9]\d*)((?:\.0)*(?:\/\d+)?)$/,
    (_, last: string, rest: string) => `${Number(last) + 1}${rest}`,
  );
  return { [field.name]: JSON.stringify(next) };
}
