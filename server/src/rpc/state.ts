// What the edge knows of one call while it lasts; it travels in Connect's context values.
import { createContextKey } from "@connectrpc/connect";
import type { Principal } from "../services/kind.ts";

export interface CallState {
  readonly requestId: string;
  readonly sourceIp: string;
  /** Milliseconds, monotonic. */
  readonly startedAt: number;
  /** Whether the refusal that it ends with is in the event log, or was over the budget. */
  refusalNoted: boolean;
  /** Whose token it carried; undefined for none. */
  principal: Principal | undefined;
  token: string;
  /** How it ended, in Connect's words; "" while it lasts. */
  code: string;
  /** Why it failed, for the log alone. */
  cause: unknown;
}

export function newCallState(requestId: string, sourceIp: string): CallState {
  return {
    requestId,
    sourceIp,
    startedAt: performance.now(),
    refusalNoted: false,
    principal: undefined,
    token: "",
    code: "",
    cause: undefined,
  };
}

export const callKey = createContextKey<CallState>(newCallState("", ""), { description: "the call's state" });
