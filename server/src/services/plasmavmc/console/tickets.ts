// Tickets: who has one may connect to one console, once and soon. The store keeps a hash of each, so that every server of a cloud takes it.
import { createHash } from "node:crypto";
import type { Clock } from "../../../clock.ts";
import { Fault } from "../../../fault.ts";
import type { Records, Tenant } from "../../../store/store.ts";
import { principalName } from "../../iam/principal-name.ts";
import type { Principal } from "../../kind.ts";

/** As console.proto annotates its methods. */
export const consolePermission = "compute:vms:console";
/** How long a ticket is good, in milliseconds: long enough for a person whose browser must still load a page. */
export const ticketMs = 60_000;
/** Tickets that one principal may have waiting. */
export const mostTicketsEach = 32;

const space = "console-tickets";
/** 256 bits. */
const tokenBytes = 32;

/** What a ticket is good for. */
export interface Ticket {
  readonly principal: Principal;
  readonly tenant: Tenant;
  readonly vmId: string;
  readonly type: "serial" | "vnc";
}

export interface TicketsOptions {
  readonly records: Records;
  readonly clock: Clock;
  /** Cryptographically random bytes. */
  readonly random: (bytes: number) => Uint8Array;
}

export class Tickets {
  readonly #options: TicketsOptions;

  constructor(options: TicketsOptions) {
    this.#options = options;
  }

  /** @throws Fault TOO_MANY_REQUESTS */
  async issue(ticket: Ticket): Promise<{ readonly token: string; readonly expiresAt: number }> {
    const { records, clock, random } = this.#options;
    const mine = shortHash(principalName(ticket.principal));
    const waiting = await records.list(space, `${mine}/`);
    if (waiting.length >= mostTicketsEach)
      throw new Fault(
        "TOO_MANY_REQUESTS",
        `${waiting.length} consoles were opened that nobody has connected to; connect, or wait a minute`,
      );
    const token = `${mine}.${Buffer.from(random(tokenBytes)).toString("base64url")}`;
    const expiresAt = clock.now() + ticketMs;
    const value = Buffer.from(JSON.stringify(ticket));
    if (!(await records.put(space, keyOf(token), value, { expected: 0, expiresAt })))
      throw new Error("a console's ticket was drawn twice");
    return { token, expiresAt };
  }

  /** Answers what the ticket is good for, to the first who asks. Undefined: it is not good, or not any more. */
  async redeem(token: string): Promise<Ticket | undefined> {
    const { records, clock } = this.#options;
    const key = keyOf(token);
    const found = await records.get(space, key);
    if (found?.expiresAt === undefined || found.expiresAt <= clock.now() || found.value.length === 0) return undefined;
    // Emptied before it is removed: of two who come at once, one alone sees the version that it read.
    const { version: expected, expiresAt } = found;
    if (!(await records.put(space, key, new Uint8Array(), { expected, expiresAt }))) return undefined;
    await records.delete(space, key);
    return ticketOf(found.value);
  }
}

function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, 16);
}

function keyOf(token: string): string {
  const [mine = ""] = token.split(".");
  return `${mine}/${createHash("sha256").update(token).digest("base64url")}`;
}

/** Only this module writes the records of its space. */
function ticketOf(value: Uint8Array): Ticket {
  const ticket: Ticket = JSON.parse(Buffer.from(value).toString());
  return ticket;
}
