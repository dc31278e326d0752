// Calls with a token that is not good: in the log of the org whose token it was, and in the system's where it never was one.
import { Fault } from "../fault.ts";
import type { Authenticator } from "../services/call.ts";
import type { AuditEvent } from "../services/events/index.ts";
import { Tally } from "../services/events/tally.ts";
import { networkOf } from "../services/iam/tokens/source-network.ts";
import type { Caller } from "../services/kind.ts";
import { actorOf } from "../services/resources/work.ts";
import type { EdgeParts } from "./parts.ts";

/** The call that brought it. */
export type Bringer = Pick<Caller, "sourceIp" | "requestId" | "method">;

export class Strangers {
  readonly #authenticator: Authenticator;
  readonly #tally: Tally<AuditEvent>;

  constructor({ authenticator, audit, clock, log }: Pick<EdgeParts, "authenticator" | "audit" | "clock" | "log">) {
    this.#authenticator = authenticator;
    const failed = (err: unknown) => log.error({ err }, "a refusal could not be written to the event log");
    this.#tally = new Tally({ clock, failed, write: audit });
  }

  /** Notes a call that its token did not let in, if that is why it failed. */
  async noteToken(error: unknown, token: string, by: Bringer): Promise<void> {
    if (!(error instanceof Fault) || error.reason !== "UNAUTHENTICATED") return;
    const principal = await this.#authenticator.whose?.(token).catch(() => undefined);
    await this.#note(by, { decidedBy: "token", ...(principal && { principal }) });
  }

  /** Notes somebody who came without any token to where a ticket or a page's origin decides. */
  async note(by: Bringer, decidedBy: string): Promise<void> {
    await this.#note(by, { decidedBy });
  }

  async #note(by: Bringer, { decidedBy, principal }: Pick<Caller, "decidedBy"> & Partial<Pick<Caller, "principal">>) {
    const actor = principal === undefined ? "" : actorOf(principal);
    const caller = { ...by, principal, decidedBy: decidedBy ?? "" };
    const tenant = { org: principal?.org ?? "", project: "" };
    await this.#tally.note(`${decidedBy} ${actor} ${networkOf(by.sourceIp)}`, {
      type: "denied",
      tenant,
      actor,
      caller,
    });
  }

  /** Writes what was counted. */
  stop(): Promise<void> {
    return this.#tally.stop();
  }
}
