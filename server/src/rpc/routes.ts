// Every method of the catalog with what serves it: standard and custom methods of kinds, and the other services' own.
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { type Catalog, type Kind, type Method, Open, type StandardVerb, standardVerbs } from "@photoncloud/proto";
import { Fault } from "../fault.ts";
import type { Call, ResourceCalls, ResourcePath, ServiceHandlers } from "../services/call.ts";
import { mostRows } from "../services/resources/read.ts";
import { textsIn } from "../services/resources/requests.ts";
import { kindPath, resourcePath, servicePath, tenantOf } from "./scope.ts";

type Answer = Promise<Message> | AsyncIterable<Message>;

/** One of many resources that a request names. */
export interface One {
  readonly id: string;
  readonly path: ResourcePath;
  attributes(): Promise<Readonly<Record<string, string>>>;
}

/** A method as the edge sees it. */
export interface Route {
  readonly method: DescMethod;
  /** "prismnet.v1.VpcService/CreateVpc" */
  readonly name: string;
  readonly permission: string;
  readonly open: Open;
  /** The kind's full name; "" for other services. */
  readonly kind: string;
  /** Whether it only reads, though its answer may be held back. */
  readonly isGet: boolean;
  path(request: Message): ResourcePath;
  /** What conditions see of the resource that is named. */
  attributes(request: Message): Promise<Readonly<Record<string, string>>>;
  /** The resources that a get of many names by their `ids`; none for any other method, and for more than one call may name. */
  each(request: Message): readonly One[];
  handle(request: Message, call: Call): Answer;
}

const noAttributes = () => Promise.resolve({});

function kindHandler(kind: Kind, verb: StandardVerb | undefined, method: Method, calls: ResourceCalls) {
  if (verb === "watch") return (request: Message, call: Call) => calls.watch(kind, request, call);
  if (verb === undefined) return (request: Message, call: Call) => calls.custom(kind, method, request, call);
  return (request: Message, call: Call) => calls.unary(kind, verb, request, call);
}

function eachOf(kind: Kind, request: Message, calls: ResourceCalls): readonly One[] {
  const ids = new Set(textsIn(request, "ids"));
  if (ids.size > mostRows) return [];
  const tenant = tenantOf(kind.scope, request);
  return [...ids].map((id) => ({
    id,
    path: resourcePath(kind, tenant, id),
    attributes: () => (id === "" ? noAttributes() : calls.attributes(kind, tenant, id)),
  }));
}

function kindRoute(kind: Kind, verb: StandardVerb | undefined, method: Method, calls: ResourceCalls): Route {
  return {
    ...common(method),
    kind: kind.typeName,
    isGet: verb === "get",
    path: (request) => kindPath(kind, verb, request),
    attributes(request) {
      const id: unknown = Reflect.get(request, "id");
      if (verb === "create" || typeof id !== "string" || id === "") return noAttributes();
      return calls.attributes(kind, tenantOf(kind.scope, request), id);
    },
    each: (request) => (verb === "batchGet" ? eachOf(kind, request, calls) : []),
    handle: kindHandler(kind, verb, method, calls),
  };
}

function serviceRoute(method: Method, handlers: ServiceHandlers | undefined, calls: ResourceCalls): Route {
  const name = method.desc.name;
  const handle = handlers?.methods[name];
  return {
    ...common(method),
    kind: "",
    isGet: false,
    path: (request) => servicePath(request, handlers?.about?.(request)),
    attributes(request) {
      const about = handlers?.about?.(request);
      if (about === undefined || about.id === "") return noAttributes();
      return calls.attributes(about.kind, tenantOf(about.kind.scope, request), about.id);
    },
    each: () => [],
    handle(request, call) {
      if (handle === undefined) throw new Fault("UNIMPLEMENTED", `this server does not serve ${call.method}`);
      return handle(request, call);
    },
  };
}

/** @throws Error if the method names neither a permission nor who may call it: nobody must be able to forget. */
function common(method: Method) {
  const name = `${method.desc.parent.typeName}/${method.desc.name}`;
  if (method.permission === "" && method.open === Open.UNSPECIFIED)
    throw new Error(`${name} names no permission and does not say who may call it`);
  return { method: method.desc, name, permission: method.permission, open: method.open };
}

function kindRoutes(kind: Kind, calls: ResourceCalls): Route[] {
  const standard = standardVerbs.map((verb) => kindRoute(kind, verb, kind.standard[verb], calls));
  return [...standard, ...kind.custom.map((method) => kindRoute(kind, undefined, method, calls))];
}

/** The routes of a catalog. */
export function createRoutes(catalog: Catalog, calls: ResourceCalls, services: readonly ServiceHandlers[]): Route[] {
  const ofKinds = catalog.kinds.flatMap((kind) => kindRoutes(kind, calls));
  const covered = new Set(ofKinds.map((route) => route.name));
  const byService = new Map(services.map((handlers) => [handlers.service.typeName, handlers]));
  const others = [...catalog.methods.entries()]
    .filter(([name]) => !covered.has(name))
    .map(([, method]) => serviceRoute(method, byService.get(method.desc.parent.typeName), calls));
  return [...ofKinds, ...others];
}
