// Hangs a client for every kind and service of the catalog on an object: the run time behind the generated types.

import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { camelCase, catalog, fieldsOf, type Kind, type Method, shortMethodName } from "@photoncloud/proto";
import { messageFromWire } from "./from-wire.ts";
import type { Clients } from "./gen/clients.ts";
import { serviceProperty, servicesByHand } from "./naming.ts";
import type { CallOptions } from "./options.ts";
import { type ClientContext, ResourceClient } from "./resource-client.ts";
import { messageToWire } from "./to-wire.ts";
import type { Progress } from "./wait.ts";

/** OPEN_ANYONE: goes without a token. */
function isOpen(method: Method): boolean {
  return method.open === 1;
}

/** Exchanging a refresh token ends it: that call can't be sent twice. */
const onlyOnce: ReadonlySet<string> = new Set(["RefreshToken"]);

class KindClient extends ResourceClient<Progress, unknown, unknown, string> {
  constructor(kind: Kind, context: ClientContext) {
    super(kind, context);
    for (const method of kind.custom)
      if (method.desc.methodKind === "unary")
        Object.defineProperty(this, shortMethodName(method.desc.name, [kind.name]), { value: this.#caller(method) });
  }

  /** (id, options), or (id, input, options) where the method takes more than an id. */
  #caller(method: Method) {
    const takesInput = method.desc.input.fields.some((field) => !["org_id", "project_id", "id"].includes(field.name));
    return (id: string, first?: unknown, second?: CallOptions) =>
      this.custom(method, id, takesInput ? first : undefined, (takesInput ? second : (first as CallOptions)) ?? {});
  }
}

function tenantOf(desc: DescMethod, context: ClientContext, options: CallOptions): Record<string, string> {
  const has = (name: string) => desc.input.fields.some((field) => field.name === name);
  return {
    ...(has("org_id") ? { orgId: options.org ?? context.org } : {}),
    ...(has("project_id") ? { projectId: options.project ?? context.project } : {}),
  };
}

function serviceMethod(desc: DescMethod, method: Method, context: ClientContext) {
  return async (request: unknown = {}, options: CallOptions = {}) => {
    const given = messageToWire(fieldsOf(desc.input), request);
    const wire = await context.transport.unary({
      method: `${desc.parent.typeName}/${desc.name}`,
      request: { ...tenantOf(desc, context, options), ...given },
      mutation: false,
      repeatable: !onlyOnce.has(desc.name),
      open: isOpen(method),
      options,
    });
    return messageFromWire(fieldsOf(desc.output), wire);
  };
}

function serviceClient(service: DescService, context: ClientContext): Record<string, unknown> {
  const client: Record<string, unknown> = {};
  for (const desc of service.methods) {
    const method = catalog().methods.get(`${service.typeName}/${desc.name}`);
    if (method === undefined || desc.methodKind !== "unary") continue;
    client[shortMethodName(desc.name, serviceProperty(service).nouns)] = serviceMethod(desc, method, context);
  }
  return client;
}

/** Defines a property that is made when it is first asked for. */
function lazily(target: object, name: string, make: () => unknown): void {
  Object.defineProperty(target, name, {
    configurable: true,
    enumerable: false,
    get() {
      const value = make();
      Object.defineProperty(target, name, { value, configurable: true, enumerable: false });
      return value;
    },
  });
}

class ClientsOfCatalog {
  constructor(context: ClientContext) {
    const kindServices = new Set(catalog().kinds.map((kind) => kind.service));
    for (const kind of catalog().kinds) lazily(this, camelCase(kind.plural), () => new KindClient(kind, context));
    for (const service of catalog().services)
      if (!kindServices.has(service) && !servicesByHand.has(service.typeName))
        lazily(this, serviceProperty(service).property, () => serviceClient(service, context));
  }
}

/** The class whose instances have a client for every kind and service. The generated types speak of the same catalog. */
export const CatalogClients = ClientsOfCatalog as unknown as new (context: ClientContext) => Clients;
