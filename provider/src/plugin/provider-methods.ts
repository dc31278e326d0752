// From typed handlers to the methods of the wire: decodes requests, encodes answers, and lets nothing throw through.

import { ProviderDefinition } from "./gen/tfplugin6.ts";
import type { Methods, UnaryMethod } from "./grpc.ts";

type Definitions = typeof ProviderDefinition.methods;
export type MethodName = keyof Definitions;
export type RequestOf<Name extends MethodName> = ReturnType<Definitions[Name]["requestType"]["decode"]>;
export type ResponseOf<Name extends MethodName> = ReturnType<Definitions[Name]["responseType"]["decode"]>;
/** What a handler may leave out of its answer is filled with the wire's defaults. */
type Partly<Name extends MethodName> = Parameters<Definitions[Name]["responseType"]["fromPartial"]>[0];

export type Handler<Name extends MethodName> = (request: RequestOf<Name>, signal: AbortSignal) => Promise<Partly<Name>>;
/** The handlers that a provider has; what is missing is answered UNIMPLEMENTED. */
export type Handlers = { readonly [Name in MethodName]?: Handler<Name> };

interface AnyDefinition {
  readonly name: string;
  readonly requestType: { decode(bytes: Uint8Array): unknown };
  readonly responseType: { fromPartial(partly: unknown): unknown; encode(message: unknown): { finish(): Uint8Array } };
}

function unary(
  definition: AnyDefinition,
  handler: (request: unknown, signal: AbortSignal) => Promise<unknown>,
): UnaryMethod {
  return async (bytes, signal) => {
    const answer = await handler(definition.requestType.decode(bytes), signal);
    return definition.responseType.encode(definition.responseType.fromPartial(answer)).finish();
  };
}

const names = Object.keys(ProviderDefinition.methods) as MethodName[];

/** The table for `grpcServer`. */
export function providerMethods(handlers: Handlers): Methods {
  const methods = new Map<string, UnaryMethod>();
  for (const name of names) {
    const handler = handlers[name];
    // The compiler can't follow that a handler and its definition come from the same name.
    const definition = ProviderDefinition.methods[name] as unknown as AnyDefinition;
    if (handler !== undefined)
      methods.set(`/${ProviderDefinition.fullName}/${definition.name}`, unary(definition, handler as never));
  }
  return methods;
}
