// What the SDK calls things: derived from the proto's names, in one place, for the run time and for the generator of the types.
import type { DescService } from "@bufbuild/protobuf";

/** The fields of a request that name its tenant; the client fills them in. */
export const tenantFields: ReadonlySet<string> = new Set(["org_id", "project_id"]);

/** Services whose clients are written by hand: they page and stream in ways of their own. */
export const servicesByHand: ReadonlySet<string> = new Set([
  "chainfire.v1.EventService",
  "plasmavmc.v1.VmExportService",
]);

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The property and the nouns of a service that is no kind's: IamTokenService → tokens; IamAuthzService → authz. */
export function serviceProperty(service: DescService): { property: string; nouns: readonly string[] } {
  const component = upperFirst(service.typeName.slice(0, service.typeName.indexOf(".")));
  const bare = service.name.replace(/Service$/, "");
  const noun = bare.startsWith(component) && bare !== component ? bare.slice(component.length) : bare;
  const plural = service.methods.some((method) => method.name.endsWith(noun)) ? `${noun}s` : noun;
  return { property: lowerFirst(plural), nouns: [noun, `${noun}s`] };
}
