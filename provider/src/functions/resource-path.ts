// Functions on resource paths, org/{org}/project/{project}/{type}/{id}: as roles' patterns, errors and events write them.
import type { CatalogFacts as Catalog } from "@photoncloud/proto";
import { object, string } from "../cty/type.ts";
import { ArgumentError, type ProviderFunction, textAt } from "./function.ts";

const form = "org/{org}/project/{project}/{type}/{id}, or a part of it from the left";
/** What one part of a path is made of; anything else could be read as more parts, or as a pattern. */
const plain = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const names = ["org_id", "project_id", "type", "id"] as const;
type Parts = Readonly<Record<(typeof names)[number], string>>;

/** Undefined where it has another form. */
function parse(path: string): Parts | undefined {
  const parts = path === "" ? [] : path.split("/");
  if (!parts.every((part) => plain.test(part))) return undefined;
  const take = (word: string) => (parts[0] === word && parts.length > 1 ? parts.splice(0, 2)[1] : undefined) ?? "";
  const org = take("org");
  const project = org === "" ? "" : take("project");
  if (parts.length > 2) return undefined;
  return { org_id: org, project_id: project, type: parts[0] ?? "", id: parts[1] ?? "" };
}

/** The kinds that there are, for the types of paths. */
function checkType(catalog: Catalog, type: string, at: number): void {
  if (type === "" || catalog.byNoun(type) !== undefined) return;
  const nouns = catalog.kinds.map((kind) => kind.noun).join(", ");
  throw new ArgumentError(at, `there is no type ${JSON.stringify(type)}; the types are ${nouns}`);
}

const parameters: Readonly<Record<keyof Parts, string>> = {
  org_id: "The org's id; \"\" for what is the whole system's.",
  project_id: 'The project\'s id; "" for what lives in an org.',
  type: 'The kind, as in the resource\'s name without "photoncloud_": "vm"; "" for the scope itself.',
  id: 'The id; "" for all of the type.',
};

const build = (catalog: Catalog): ProviderFunction => ({
  summary: "Builds a resource path",
  description: `Joins the parts to ${form}. Parts are empty from the right only: an id needs a type, a project needs an org.`,
  parameters: names.map((name) => ({ name, type: string, description: parameters[name] })),
  returns: string,
  call(args) {
    const [org = "", project = "", type = "", id = ""] = names.map((_, at) => textAt(args, at));
    for (const [at, part] of [org, project, type, id].entries())
      if (part !== "" && !plain.test(part))
        throw new ArgumentError(
          at,
          `${JSON.stringify(part)} can't be a part of a path: letters, digits, . _ and - are allowed`,
        );
    if (org === "" && project !== "") throw new ArgumentError(0, "a project lives in an org: give the org's id too");
    if (type === "" && id !== "") throw new ArgumentError(2, "an id is of a type: give the type too");
    checkType(catalog, type, 2);
    return [org && `org/${org}`, project && `project/${project}`, type, id].filter((part) => part !== "").join("/");
  },
});

const read = (catalog: Catalog): ProviderFunction => ({
  summary: "Takes a resource path apart",
  description: `Reads ${form}, into org_id, project_id, type and id; parts that it does not have are "".`,
  parameters: [{ name: "path", type: string, description: 'For example "org/acme/project/web/vm/vm-…".' }],
  returns: object({ org_id: string, project_id: string, type: string, id: string }),
  call(args) {
    const text = textAt(args, 0);
    const parts = parse(text);
    if (parts === undefined) throw new ArgumentError(0, `${JSON.stringify(text)} is no resource path; give ${form}`);
    checkType(catalog, parts.type, 0);
    return new Map(Object.entries(parts));
  },
});

const importId = (catalog: Catalog): ProviderFunction => ({
  summary: "Makes the id for an import block from a resource path",
  description: "ORG/PROJECT/ID, ORG/ID or ID, as `terraform import` and import blocks take it.",
  parameters: [{ name: "path", type: string, description: 'For example "org/acme/project/web/vm/vm-…".' }],
  returns: string,
  call(args) {
    const text = textAt(args, 0);
    const parts = parse(text);
    if (parts === undefined || parts.id === "")
      throw new ArgumentError(
        0,
        `${JSON.stringify(text)} names no resource; give org/{org}/project/{project}/{type}/{id}`,
      );
    checkType(catalog, parts.type, 0);
    return [parts.org_id, parts.project_id, parts.id].filter((part) => part !== "").join("/");
  },
});

export const pathFunctions = (catalog: Catalog): Readonly<Record<string, ProviderFunction>> => ({
  resource_path: build(catalog),
  parse_resource_path: read(catalog),
  import_id: importId(catalog),
});
