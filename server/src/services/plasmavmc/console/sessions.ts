// Console sessions: a ticket becomes bytes both ways, for as long as its holder may see the machine.
import type { Duplex } from "node:stream";
import { DriverError } from "../../../backends/driver-error.ts";
import type { HypervisorDriver } from "../../../backends/hypervisor/driver.ts";
import type { Clock } from "../../../clock.ts";
import { Fault } from "../../../fault.ts";
import type { Authenticator, Authorizer, ResourcePath } from "../../call.ts";
import type { AuditEvent } from "../../events/index.ts";
import { principalName } from "../../iam/principal-name.ts";
import type { Caller, Principal } from "../../kind.ts";
import { accessOf, toFault, vmKind } from "../machine-access.ts";
import { consolePermission, type Ticket, type Tickets } from "./tickets.ts";

/** How often an open console's permission is asked for again, in milliseconds. */
const recheckMs = 2_000;
/** Consoles that one principal may have open. */
export const mostConsolesEach = 16;
/** Consoles that one server holds open. */
const mostConsoles = 1_000;

export interface ConsoleSession {
  readonly principal: Principal;
  readonly vmId: string;
  /** Ends when the machine does. */
  readonly bytes: Duplex;
  /** Aborts, with a Fault, when its holder may not see it any more. */
  readonly ends: AbortSignal;
  /** More than once does nothing. */
  close(): void;
}

export interface ConsoleSessionsOptions {
  readonly tickets: Tickets;
  readonly hypervisor: HypervisorDriver;
  readonly authenticator: Pick<Authenticator, "recheck" | "revoked">;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  attributes(ticket: Ticket): Promise<Readonly<Record<string, string>>>;
  audit(event: AuditEvent): Promise<void>;
}

/** What the log calls it. */
export const connectMethod = "plasmavmc.v1.ConsoleService/Connect";

/** Who connects, and from where. */
export type Visitor = Pick<Caller, "sourceIp" | "requestId">;

export class ConsoleSessions {
  readonly #options: ConsoleSessionsOptions;
  readonly #open = new Map<string, number>();

  constructor(options: ConsoleSessionsOptions) {
    this.#options = options;
  }

  /** @throws Fault UNAUTHENTICATED if the token is not good (any more), and whatever keeps its holder from the machine. */
  async enter(token: string, visitor: Visitor, signal: AbortSignal): Promise<ConsoleSession> {
    const ticket = await this.#options.tickets.redeem(token);
    if (ticket === undefined || !(await this.#isLoggedIn(ticket)))
      throw new Fault("UNAUTHENTICATED", "this console's URL is not good, or not any more; open the console again", {
        decidedBy: "ticket",
      });
    await this.#check(ticket, visitor).catch(async (error: unknown) => {
      if (error instanceof Fault && error.reason === "PERMISSION_DENIED")
        await this.#options.audit({
          ...accessOf(ticket, consolePermission, this.#caller(ticket, visitor, "method")),
          type: "denied",
        });
      throw error;
    });
    const leave = this.#count(principalName(ticket.principal));
    try {
      return await this.#begin(ticket, visitor, leave, signal);
    } catch (error) {
      leave();
      throw toFault(error);
    }
  }

  async #begin(ticket: Ticket, visitor: Visitor, leave: () => void, signal: AbortSignal): Promise<ConsoleSession> {
    const { hypervisor, audit } = this.#options;
    const { principal, vmId, type } = ticket;
    if (hypervisor.consoles === undefined) throw new DriverError("refused", `the host of vm ${vmId} shows no consoles`);
    const bytes = await hypervisor.consoles.open(vmId, type, signal);
    const [over, ends] = [new AbortController(), new AbortController()];
    bytes.once("close", () => over.abort());
    await audit(accessOf(ticket, consolePermission, this.#caller(ticket, visitor))).catch((error: unknown) => {
      bytes.destroy();
      throw error;
    });
    void this.#watch(ticket, visitor, ends, over.signal);
    const close = () => {
      over.abort();
      bytes.destroy();
      leave();
    };
    return { principal, vmId, bytes, ends: ends.signal, close };
  }

  #caller({ principal }: Ticket, visitor: Visitor, decidedBy = ""): Caller {
    return { ...visitor, principal, method: connectMethod, decidedBy };
  }

  /** Ends a session whose holder has lost its login or its permission. */
  async #watch(ticket: Ticket, visitor: Visitor, ends: AbortController, over: AbortSignal): Promise<void> {
    const { authenticator, clock } = this.#options;
    const revoked = authenticator.revoked(ticket.principal, over).catch(() => undefined);
    void revoked.then(() => {
      if (!over.aborted) ends.abort(new Fault("UNAUTHENTICATED", "the session that opened this console has ended"));
    });
    while (!over.aborted && !ends.signal.aborted) {
      await clock.sleep(recheckMs, AbortSignal.any([over, ends.signal]));
      if (over.aborted) return;
      await this.#check(ticket, visitor).catch((error: unknown) => ends.abort(error));
    }
  }

  /** A ticket is worth no more than the session that it was given in. */
  #isLoggedIn({ principal }: Ticket): Promise<boolean> {
    return this.#options.authenticator.recheck(principal).then(
      () => true,
      (error: unknown) => {
        if (error instanceof Fault && error.reason === "UNAUTHENTICATED") return false;
        throw error;
      },
    );
  }

  async #check(ticket: Ticket, { sourceIp }: Visitor): Promise<void> {
    const { authorizer, attributes } = this.#options;
    const { principal, tenant, vmId } = ticket;
    const path: ResourcePath = { ...tenant, type: vmKind().noun, id: vmId };
    const context = { sourceIp, attributes: () => attributes(ticket) };
    const { allowed } = await authorizer.authorize(principal, consolePermission, path, context);
    if (!allowed)
      throw new Fault(
        "PERMISSION_DENIED",
        `${principalName(principal)} does not have the permission ${consolePermission}`,
      );
  }

  /** Answers how to give the place back; more than once does nothing. */
  #count(name: string): () => void {
    const mine = this.#open.get(name) ?? 0;
    const all = [...this.#open.values()].reduce((sum, each) => sum + each, 0);
    if (mine >= mostConsolesEach || all >= mostConsoles)
      throw new Fault(
        "TOO_MANY_REQUESTS",
        `there are too many open consoles (at most ${mostConsolesEach} for one principal and ${mostConsoles} in all); close some first`,
      );
    this.#open.set(name, mine + 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const now = (this.#open.get(name) ?? 1) - 1;
      if (now === 0) this.#open.delete(name);
      else this.#open.set(name, now);
    };
  }
}
