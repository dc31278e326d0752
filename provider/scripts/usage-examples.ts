// What the pages show besides resources: how each is used in a configuration. test/terraform/docs-examples.test.ts runs all of them.
import type { KindFacts as Kind } from "@photoncloud/proto";
import type { ActionSchema } from "../src/action/action-schema.ts";
import type { EphemeralSchema } from "../src/ephemeral/ephemeral.ts";
import { exampleOf, isShown, literal } from "./example-block.ts";

/** Stands for the id that the cloud drew. */
export const someId = "ID";

/** What is said of the name of what the kind's resource example makes, where it has one. */
function byName(kind: Kind): string | undefined {
  const name = kind.fields.find((field) => field.name === "name" && isShown(field));
  return name && `name = ${literal(name, "  ")}`;
}

/** Looks up what the kind's resource example makes. */
export function dataExample(kind: Kind): string {
  return `data "photoncloud_${kind.noun}" "it" {\n  ${byName(kind) ?? `id = ${JSON.stringify(someId)}`}\n}\n`;
}

/** Finds it among others, and shows the ids. */
export function pluralExample(kind: Kind): string {
  const { noun, plural } = kind;
  const block = `data "photoncloud_${plural}" "found" {\n  ${byName(kind) ?? "limit = 1000"}\n}\n`;
  return `${block}\noutput "${noun}_ids" {\n  value = data.photoncloud_${plural}.found.ids\n}\n`;
}

export const listExample = ({ noun }: Kind): string =>
  `list "photoncloud_${noun}" "all" {\n  provider = photoncloud\n}\n`;

/** Does it to what the kind's resource example makes, or to what that stands on. */
export function actionExample({ typeName, of, attributes }: ActionSchema): string {
  const shown = attributes.filter((one) => one.required || (one.field !== undefined && isShown(one.field)));
  const lines = shown.map(({ name, field }) => {
    const own = name === "id" || field === undefined;
    return `    ${name} = ${own ? `${exampleOf(of).address}.id` : literal(field, "    ")}\n`;
  });
  return `action "${typeName}" "now" {\n  config {\n${lines.join("")}  }\n}\n`;
}

/** With what it can't do without. */
export function ephemeralExample({ typeName, attributes }: EphemeralSchema): string {
  const lines = attributes.flatMap(({ required, name, field }) =>
    required && field !== undefined ? [`  ${name} = ${literal(field, "  ")}\n`] : [],
  );
  return `ephemeral "${typeName}" "it" {${lines.length === 0 ? "" : `\n${lines.join("")}`}}\n`;
}

interface Call {
  readonly call: string;
  /** As HCL writes it. */
  readonly answer: string;
}

const path = '"org/acme/project/web/vm/vm-01k0"';

/** A call of each function, and what it answers. */
const calls: Readonly<Record<string, Call>> = {
  cidr_at: { call: '("10.0.0.0/16", 24, 1)', answer: '"10.0.1.0/24"' },
  cidr_next: { call: '("10.0.0.0/16", 24, ["10.0.0.0/24"])', answer: '"10.0.1.0/24"' },
  cidr_carve: { call: '("10.0.0.0/16", 28, 24)', answer: '["10.0.0.0/28", "10.0.1.0/24"]' },
  cidr_contains: { call: '("10.0.0.0/16", "10.0.1.10")', answer: "true" },
  cidr_overlaps: { call: '("10.0.0.0/24", "10.0.1.0/24")', answer: "false" },
  resource_path: { call: '("acme", "web", "vm", "vm-01k0")', answer: path },
  parse_resource_path: {
    call: `(${path})`,
    answer: '{ org_id = "acme", project_id = "web", type = "vm", id = "vm-01k0" }',
  },
  import_id: { call: `(${path})`, answer: '"acme/web/vm-01k0"' },
};

/** Shows a call, and in a comment what it answers. @throws Error for a function without one */
export function functionExample(name: string): string {
  const shown = calls[name];
  if (shown === undefined) throw new Error(`the function ${name} has no example: write it one in usage-examples.ts`);
  return `output "${name}" {\n  value = provider::photoncloud::${name}${shown.call} # ${shown.answer}\n}\n`;
}
