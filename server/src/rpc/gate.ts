// Runs before a call's body is read: the request id, who calls, and, when the call is over, its log line and its metrics.
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { Open } from "@photoncloud/proto";
import { Fault } from "../fault.ts";
import type { Principal } from "../services/kind.ts";
import { actorOf } from "../services/resources/work.ts";
import { dress, toConnectError } from "./errors.ts";
import { bearerOf } from "./headers.ts";
import { type EdgeParts, maxBodyBytes } from "./parts.ts";
import type { Route } from "./routes.ts";
import { type CallState, callKey } from "./state.ts";
import type { Strangers } from "./strangers.ts";
import type { RememberingAuthenticator } from "./tokens.ts";

/** The code that a call ended with. Connect aborts a call's signal when it is over, with the error where there was one. */
function endCode(state: CallState, reason: unknown): string {
  if (state.code !== "" && state.code !== "ok") return state.code;
  if (reason instanceof ConnectError) return codeToString(reason.code);
  return state.code === "" ? codeToString(Code.Canceled) : state.code;
}

function logEnd(parts: EdgeParts, route: Route, state: CallState, code: string, ms: number): void {
  const { requestId, sourceIp, principal, cause } = state;
  const fields = {
    request_id: requestId,
    method: route.name,
    code,
    ms: Math.round(ms * 100) / 100,
    source_ip: sourceIp,
    ...(principal === undefined ? {} : { actor: actorOf(principal) }),
  };
  if (code === "internal") parts.log.error({ ...fields, err: cause }, "call failed");
  else parts.log.info(fields, "call");
}

function ended(parts: EdgeParts, route: Route, state: CallState, reason: unknown): void {
  if (reason instanceof ConnectError) dress(reason, state.requestId, maxBodyBytes);
  const code = endCode(state, reason);
  if (code === "internal" && state.cause === undefined) state.cause = reason;
  const ms = performance.now() - state.startedAt;
  parts.metrics.called(route.name, code, ms / 1000);
  if (parts.log.isLevelEnabled("info") || code === "internal") logEnd(parts, route, state, code, ms);
}

/** A call at the gate. */
interface Entering {
  readonly route: Route;
  readonly state: CallState;
  readonly tokens: RememberingAuthenticator;
  readonly strangers: Strangers;
}

/** Whose the call is. Undefined only where anyone may call: there a token that is no longer good counts as none. */
function identify(entering: Entering) {
  const { route, state, tokens } = entering;
  if (state.token === "") {
    if (route.open === Open.ANYONE) return undefined;
    throw new Fault(
      "UNAUTHENTICATED",
      "this call needs a token: log in, then send it in the header Authorization: Bearer …",
    );
  }
  return tokens.known(state.token) ?? authenticate(entering);
}

async function authenticate({ route, state, tokens, strangers }: Entering) {
  try {
    return await tokens.authenticate(state.token);
  } catch (error) {
    await strangers.noteToken(error, state.token, { ...state, method: route.name });
    if (route.open === Open.ANYONE && error instanceof Fault && error.reason === "UNAUTHENTICATED") return undefined;
    throw error;
  }
}

function refuse(error: unknown, state: CallState): never {
  state.cause = error;
  throw toConnectError(error, state.requestId);
}

/** The gate of all routes. It answers without a promise for a token that is known. */
export function createGate(
  parts: EdgeParts,
  routes: ReadonlyMap<unknown, Route>,
  { tokens, strangers }: Pick<Entering, "tokens" | "strangers">,
) {
  return (context: HandlerContext): void | Promise<void> => {
    const route = routes.get(context.method);
    const state = context.values.get(callKey);
    if (route === undefined) return;
    context.responseHeader.set("x-request-id", state.requestId);
    context.signal.addEventListener("abort", () => ended(parts, route, state, context.signal.reason), { once: true });
    state.token = bearerOf(context.requestHeader.get("authorization"));
    const enter = (principal: Principal | undefined) => {
      state.principal = principal;
    };
    try {
      const who = identify({ route, state, tokens, strangers });
      if (who instanceof Promise) return who.then(enter, (error: unknown) => refuse(error, state));
      enter(who);
    } catch (error) {
      refuse(error, state);
    }
  };
}
