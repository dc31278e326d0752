// From typed handlers to the methods of the wire: decodes requests, encodes answers, and lets nothing throw through.

import { ProviderDefinition } from "./gen/tfplugin6.ts";
import type { Method, Methods } from "./method.ts";

type Definitions = typeof ProviderDefinition.methods;
export type MethodName = keyof Definitions;
export type RequestOf<Name extends MethodName> = ReturnType<Definitions[Name]["requestType"]["decode"]>;
export type ResponseOf<Name extends MethodName> = ReturnType<Definitions[Name]["responseType"]["decode"]>;
/** What a handler may leave out of its answer is filled with the wire's defaults. */
type Partly<Name extends MethodName> = Parameters<Definitions[Name]["responseType"]["fromPartial"]>[0];

type Answer<Name extends MethodName> = Definitions[Name]["responseStream"] extends true
  ? AsyncIterable<Partly<Name>>
  : Promise<Partly<Name>>;
export type Handler<Name extends MethodName> = (request: RequestOf<Name>, signal: AbortSignal) => Answer<Name>;
/** The handlers that a provider has; what is missing is answered UNIMPLEMENTED. */
export type Handlers = { readonly [Name in MethodName]?: Handler<Name> };

interface AnyDefinition {
  readonly name: string;
  readonly requestType: { decode(bytes: Uint8Array): unknown };
  readonly responseType: { fromPartial(partly: unknown): unknown; encode(message: unknown): { finish(): Uint8Array } };
}

type AnyAnswer = Promise<unknown> | AsyncIterable<unknown>;

function method(definition: AnyDefinition, handler: (request: unknown, signal: AbortSignal) => AnyAnswer): Method {
  const encode = (answer: unknown) =>
    definition.responseType.encode(definition.responseType.fromPartial(answer)).finish();
  async function* encodeAll(answers: AsyncIterable<unknown>) {
    for await (const answer of answers) yield encode(answer);
  }
  return async (bytes, signal) => {
    const answer = handler(definition.requestType.decode(bytes), signal);
    return Symbol.asyncIterator in answer ? encodeAll(answer) : encode(await answer);
  };
}

const names = Object.keys(ProviderDefinition.methods) as MethodName[];

/** The table for `grpcServer`. */
export function providerMethods(handlers: Handlers): Methods {
  const methods = new Map<string, Method>();
  for (const name of names) {
    const handler = handlers[name];
    // The compiler can't follow that a handler and its definition come from the same name.
    const definition = ProviderDefinition.methods[name] as unknown as AnyDefinition;
    if (handler !== undefined)
      methods.set(`/${ProviderDefinition.fullName}/${definition.name}`, method(definition, handler as never));
  }
  return methods;
}
