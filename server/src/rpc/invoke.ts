// One call after its body was read: permission first, then the service, and every error in the caller's words.
import type { Message } from "@bufbuild/protobuf";
import type { ConnectError, HandlerContext } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { Fault } from "../fault.ts";
import { type Call, mayAlso } from "../services/call.ts";
import { consentHeader } from "../services/resources/classes.ts";
import { actorOf } from "../services/resources/work.ts";
import { createCallRate } from "./call-rate.ts";
import { toConnectError } from "./errors.ts";
import { createGuard } from "./guard.ts";
import { dataLossOf, idempotencyKeyOf, waitOf } from "./headers.ts";
import type { EdgeParts } from "./parts.ts";
import type { Refusals } from "./refusals.ts";
import type { Route } from "./routes.ts";
import { type CallState, callKey } from "./state.ts";
import { createStreamCount, endWhenRevoked, untilEnded } from "./streams.ts";
import type { RememberingAuthenticator } from "./tokens.ts";

export interface Invoker {
  unary(route: Route, request: Message, context: HandlerContext): Promise<Message>;
  stream(route: Route, request: Message, context: HandlerContext): AsyncIterable<Message>;
}

function callOf(
  parts: EdgeParts,
  route: Route,
  state: CallState,
  context: HandlerContext,
  { signal, decidedBy }: Pick<Call, "signal"> & { readonly decidedBy: string },
): Call {
  const { principal, sourceIp, requestId } = state;
  const caller = { principal, sourceIp, requestId, method: route.name };
  return {
    ...caller,
    may: (permission, path) => mayAlso(parts.authorizer, caller, permission, path),
    decidedBy,
    idempotencyKey: idempotencyKeyOf(context.requestHeader.get("idempotency-key")),
    ...waitOf(context.requestHeader),
    allowsDataLoss: dataLossOf(context.requestHeader.get(consentHeader)),
    reached: (receipt) => context.responseHeader.set("photon-receipt", receipt),
    signal,
    token: state.token,
  };
}

/** Notes how the call failed and answers the error for its caller. */
function failed(error: unknown, state: CallState): ConnectError {
  const outside = toConnectError(error, state.requestId);
  state.code = codeToString(outside.code);
  state.cause = error;
  return outside;
}

/** Answers at the deadline, although a service may take longer to notice that its signal has aborted. */
function withinDeadline<T>(work: Promise<T>, context: HandlerContext): Promise<T> {
  if (context.timeoutMs() === undefined) return work;
  const { promise, reject } = Promise.withResolvers<never>();
  const end = () =>
    reject(new Fault("DEADLINE_EXCEEDED", "the deadline that the caller set passed before the answer was ready"));
  if (context.signal.aborted) end();
  else context.signal.addEventListener("abort", end, { once: true });
  // Connect aborts the signal of every call that is over, and a Fault that nobody sees has a stack all the same.
  return Promise.race([work, promise]).finally(() => context.signal.removeEventListener("abort", end));
}

export type InvokerParts = EdgeParts & {
  readonly refusals: Refusals;
  readonly tokens: RememberingAuthenticator;
  /** Aborts, with the Fault that streams end with, when the server stops. */
  readonly stopping: AbortSignal;
};

export function createInvoker(parts: InvokerParts): Invoker {
  const { tokens, stopping } = parts;
  const guard = createGuard(parts, parts.refusals);
  const rate = createCallRate(parts.callsPerSecond ?? 0, () => parts.clock.now());
  const count = createStreamCount();

  async function answer(route: Route, request: Message, state: CallState, context: HandlerContext): Promise<Message> {
    rate.take(state.principal);
    const { by: decidedBy, request: permitted } = await guard.check(route, request, state);
    const call = callOf(parts, route, state, context, { signal: context.signal, decidedBy });
    // An answer that is only held back need not be held back when the server stops.
    const signal = call.waitMs === 0 ? call.signal : AbortSignal.any([call.signal, stopping]);
    const result = route.handle(permitted, { ...call, signal });
    if (Symbol.asyncIterator in result) throw new Error(`${route.name} answered a stream`);
    const message = await result;
    if (route.isGet && call.waitMs > 0) await checkAgain(route, request, state);
    return message;
  }

  /** Whose session or permission ended while a reading was held back is told nothing of what came meanwhile. */
  async function checkAgain(route: Route, request: Message, state: CallState): Promise<void> {
    if (state.principal !== undefined) await tokens.recheck(state.principal);
    await guard.check(route, request, state);
  }

  async function* open(route: Route, request: Message, state: CallState, context: HandlerContext) {
    rate.take(state.principal);
    const { by: decidedBy } = await guard.check(route, request, state);
    const leave = count.enter(state.principal === undefined ? "" : actorOf(state.principal));
    const revoked = new AbortController();
    const ends = AbortSignal.any([stopping, revoked.signal, context.signal]);
    parts.metrics.streams(1);
    try {
      if (state.principal !== undefined) void endWhenRevoked(state.principal, revoked, context.signal, tokens);
      const result = route.handle(request, callOf(parts, route, state, context, { signal: ends, decidedBy }));
      if (!(Symbol.asyncIterator in result)) throw new Error(`${route.name} answered no stream`);
      const recheck = async () => void (await guard.check(route, request, state));
      yield* untilEnded(result, { ends, permission: { recheck, clock: parts.clock } });
    } finally {
      parts.metrics.streams(-1);
      revoked.abort();
      leave();
    }
  }

  return {
    async unary(route, request, context) {
      const state = context.values.get(callKey);
      try {
        const message = await withinDeadline(answer(route, request, state, context), context);
        state.code = "ok";
        return message;
      } catch (error) {
        await guard.heed(route, request, state, error);
        throw failed(error, state);
      }
    },
    async *stream(route, request, context) {
      const state = context.values.get(callKey);
      try {
        yield* open(route, request, state, context);
        state.code = "ok";
      } catch (error) {
        throw failed(error, state);
      }
    },
  };
}
