// Declares the clients: one property for every kind and for every service beside the kinds.
import type { DescMessage, DescService } from "@bufbuild/protobuf";
import { type Catalog, camelCase, fieldsOf, type Kind, type Method, shortMethodName } from "@photoncloud/proto";
import { serviceProperty, tenantFields } from "../src/naming.ts";
import { docText, messageName, type Wanted } from "./type-text.ts";

function want(wanted: Wanted, desc: DescMessage, form: "answer" | "input"): string {
  const name = messageName(desc, form);
  wanted.messages.set(name, { desc, form });
  return name;
}

/** What a custom method takes beside the tenant and the id: nothing, or the request without them. */
function inputText(wanted: Wanted, method: Method): string {
  const own = fieldsOf(method.desc.input).filter((field) => field.name !== "id" && !tenantFields.has(field.name));
  if (own.length === 0) return "";
  const name = want(wanted, method.desc.input, "input");
  return `, input: Omit<${name}, "id">`;
}

function customText(wanted: Wanted, kind: Kind, method: Method): string {
  const output = want(wanted, method.desc.output, "answer");
  const name = shortMethodName(method.desc.name, [kind.name]);
  return `${docText("  ", method.comment)}  ${name}(id: ${kind.name}Id${inputText(wanted, method)}, options?: CallOptions): Promise<${output}>;\n`;
}

function kindText(wanted: Wanted, kind: Kind): { declaration: string; property: string } {
  for (const form of ["answer", "input", "update"] as const)
    wanted.messages.set(messageName(kind.desc, form), { desc: kind.desc, form });
  const base = `ResourceClient<${kind.name}, ${kind.name}Input, ${kind.name}Update, ${kind.name}Id>`;
  const methods = kind.custom.filter((m) => m.desc.methodKind === "unary").map((m) => customText(wanted, kind, m));
  const name = `${kind.name}Client`;
  const declaration = `${docText("", kind.comment)}export interface ${name} extends ${base} {${methods.length > 0 ? `\n${methods.join("")}` : ""}}\n`;
  return { declaration, property: `${docText("  ", kind.comment)}  readonly ${camelCase(kind.plural)}: ${name};\n` };
}

function serviceText(wanted: Wanted, service: DescService, catalog: Catalog) {
  const { property, nouns } = serviceProperty(service);
  const name = `${service.name.replace(/Service$/, "")}Client`;
  const methods = service.methods
    .filter((method) => method.methodKind === "unary")
    .map((desc) => {
      const input = want(wanted, desc.input, "input");
      const output = want(wanted, desc.output, "answer");
      const must = fieldsOf(desc.input).some((field) => field.required);
      const comment = catalog.methods.get(`${service.typeName}/${desc.name}`)?.comment ?? "";
      return `${docText("  ", comment)}  ${shortMethodName(desc.name, nouns)}(request${must ? "" : "?"}: ${input}, options?: CallOptions): Promise<${output}>;\n`;
    });
  return {
    declaration: `export interface ${name} {\n${methods.join("")}}\n`,
    property: `  readonly ${property}: ${name};\n`,
  };
}

/** The clients' file but for its header. */
export function clientsText(wanted: Wanted, catalog: Catalog, byHand: ReadonlySet<string>): string {
  const kindServices = new Set(catalog.kinds.map((kind) => kind.service));
  const kinds = catalog.kinds.map((kind) => kindText(wanted, kind));
  const services = catalog.services
    .filter((service) => !kindServices.has(service) && !byHand.has(service.typeName))
    .map((service) => serviceText(wanted, service, catalog));
  const all = [...kinds, ...services];
  const properties = all.map(({ property }) => property).join("");
  return `${all.map(({ declaration }) => declaration).join("\n")}\n/** A client for every kind and service. */\nexport interface Clients {\n${properties}}\n`;
}
