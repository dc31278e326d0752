// Writes provider/docs as Terraform's registries show it: a page for each resource, data source, list, action, ephemeral resource and function, from the
// catalog. Their examples are run: the resources' by test/terraform/every-kind.test.ts, the others by test/terraform/docs-examples.test.ts.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Catalog, catalog, type Kind, Scope } from "@photoncloud/proto";
import { actionSchemas } from "../src/action/action-schema.ts";
import type { Attribute } from "../src/attribute.ts";
import { pluralSchema } from "../src/data/plural-schema.ts";
import { ephemeralSchemas } from "../src/ephemeral/index.ts";
import { functionsOf } from "../src/functions/index.ts";
import { listSchema } from "../src/list/filter.ts";
import { providerAttributes } from "../src/provider-config.ts";
import { dataSourceSchema, resourceSchema } from "../src/schema.ts";
import { schemaSection } from "./docs-schema.ts";
import { exampleOf } from "./example-block.ts";
import { address } from "./mirror.ts";
import {
  actionExample,
  dataExample,
  ephemeralExample,
  functionExample,
  listExample,
  pluralExample,
} from "./usage-examples.ts";

/** Where the pages are. */
export const docsFolder = join(dirname(dirname(fileURLToPath(import.meta.url))), "docs");

interface Page {
  /** "photoncloud_vpc" */
  readonly name: string;
  /** "Resource", as the title says it. */
  readonly sort: string;
  readonly group: string;
  readonly description: string;
  readonly example: string;
  readonly more?: string;
  readonly attributes: readonly Attribute[];
}

const quoted = (text: string): string => JSON.stringify(text.replace(/\s+/g, " ").trim());

function pageText({ name, sort, group, description, example, more = "", attributes }: Page): string {
  const head = `---\npage_title: "${name} ${sort} - photoncloud"\nsubcategory: ${quoted(group)}\ndescription: ${quoted(description)}\n---\n`;
  const title = `\n# ${name} (${sort})\n\n${description}\n\n`;
  const usage = example === "" ? "" : `## Example Usage\n\n\`\`\`terraform\n${example.trimEnd()}\n\`\`\`\n\n`;
  return `${`${head}${title}${usage}${schemaSection(attributes)}${more}`.trimEnd()}\n`;
}

const groupNames: Readonly<Record<string, string>> = { iam: "Identity", prismnet: "Network", plasmavmc: "Compute" };
const groupOf = ({ component }: Pick<Kind, "component">): string => groupNames[component] ?? component;

function importSection({ noun, scope }: Kind): string {
  const id = scope === Scope.SYSTEM ? "ID" : scope === Scope.ORG ? "ORG/ID" : "ORG/PROJECT/ID";
  const shell = `terraform import photoncloud_${noun}.it ${id}`;
  return `\n## Import\n\nBy its id; what the provider's configuration says of the tenant may be left out:\n\n\`\`\`shell\n${shell}\n\`\`\`\n`;
}

function pagesOfKind(kind: Kind): readonly (readonly [string, Page])[] {
  const [resource, data, list] = [resourceSchema(kind), dataSourceSchema(kind), listSchema(kind)];
  const plural = { ...pluralSchema(kind), name: `photoncloud_${kind.plural}`, group: groupOf(kind) };
  const name = resource.typeName;
  const group = groupOf(kind);
  const common = { name, group };
  return [
    [
      `resources/${kind.noun}.md`,
      { ...common, ...resource, sort: "Resource", example: exampleOf(kind).hcl, more: importSection(kind) },
    ],
    [`data-sources/${kind.noun}.md`, { ...common, ...data, sort: "Data Source", example: dataExample(kind) }],
    [`data-sources/${kind.plural}.md`, { ...plural, sort: "Data Source", example: pluralExample(kind) }],
    [`list-resources/${kind.noun}.md`, { ...common, ...list, sort: "List Resource", example: listExample(kind) }],
  ];
}

function actionPages(all: Catalog): readonly (readonly [string, Page])[] {
  return actionSchemas(all).map((schema) => {
    const { typeName: name, of, description, attributes } = schema;
    const example = actionExample(schema);
    const page = { name, sort: "Action", group: groupOf(of), description, attributes, example };
    return [`actions/${name.replace("photoncloud_", "")}.md`, page] as const;
  });
}

function ephemeralPages(all: Catalog): readonly (readonly [string, Page])[] {
  return ephemeralSchemas(all).map((schema) => {
    const { typeName: name, component, description, attributes } = schema;
    const page = { name, sort: "Ephemeral Resource", group: groupOf({ component }), description, attributes };
    return [
      `ephemeral-resources/${name.replace("photoncloud_", "")}.md`,
      { ...page, example: ephemeralExample(schema) },
    ];
  });
}

function functionPages(all: Catalog): readonly (readonly [string, string])[] {
  return Object.entries(functionsOf(all)).map(([name, { summary, description, parameters, variadic }]) => {
    const given = [...parameters, ...(variadic === undefined ? [] : [{ ...variadic, name: `${variadic.name}...` }])];
    const lines = given.map((one, i) => `${i + 1}. \`${one.name}\` ${one.description}\n`).join("");
    const head = `---\npage_title: "${name} function - photoncloud"\nsubcategory: ""\ndescription: ${quoted(summary)}\n---\n`;
    const signature = `provider::photoncloud::${name}(${given.map((one) => one.name).join(", ")})`;
    const text = `${head}\n# function: ${name}\n\n${description}\n\n## Example Usage\n\n\`\`\`terraform\n${functionExample(name)}\`\`\`\n\n## Signature\n\n\`\`\`text\n${signature}\n\`\`\`\n\n## Arguments\n\n${lines}`;
    return [`functions/${name}.md`, text];
  });
}

function indexPage(): string {
  const description = "PhotonCloud: a multi-tenant cloud on your own hosts.";
  const example = `terraform {\n  required_providers {\n    photoncloud = {\n      source = "${address}"\n    }\n  }\n}\n\nprovider "photoncloud" {} # from the environment`;
  const head = `---\npage_title: "Provider: PhotonCloud"\ndescription: ${quoted(description)}\n---\n\n# PhotonCloud Provider\n\n${description}\n\n`;
  return `${`${head}## Example Usage\n\n\`\`\`terraform\n${example}\n\`\`\`\n\n${schemaSection(providerAttributes)}`.trimEnd()}\n`;
}

/** Every page by its path in the folder. */
export function docs(all: Catalog): ReadonlyMap<string, string> {
  const pages = [...all.kinds.flatMap(pagesOfKind), ...actionPages(all), ...ephemeralPages(all)];
  return new Map([
    ["index.md", indexPage()],
    ...pages.map(([path, page]) => [path, pageText(page)] as const),
    ...functionPages(all),
  ]);
}

if (import.meta.main) {
  rmSync(docsFolder, { recursive: true, force: true });
  for (const [path, text] of docs(catalog())) {
    mkdirSync(dirname(join(docsFolder, path)), { recursive: true });
    writeFileSync(join(docsFolder, path), text);
  }
}
