// Consoles of machines: the service that opens them, and the sessions that the edge's WebSockets serve. What a console shows is the driver's.
import type { Clock } from "../../../clock.ts";
import type { Records } from "../../../store/store.ts";
import type { ResourceCalls, ServiceHandlers } from "../../call.ts";
import { vmKind } from "../machine-access.ts";
import { type ConsoleServiceOptions, consoleService } from "./service.ts";
import { ConsoleSessions, type ConsoleSessionsOptions } from "./sessions.ts";
import { Tickets } from "./tickets.ts";

export interface ConsolesOptions
  extends Pick<ConsoleServiceOptions, "hypervisor" | "endpoint" | "audit">,
    Pick<ConsoleSessionsOptions, "authenticator" | "authorizer"> {
  readonly records: Records;
  readonly clock: Clock;
  /** Cryptographically random bytes. */
  readonly random: (bytes: number) => Uint8Array;
  readonly resources: Pick<ResourceCalls, "unary" | "attributes">;
}

export interface Consoles {
  readonly service: ServiceHandlers;
  readonly sessions: ConsoleSessions;
}

export function createConsoles(options: ConsolesOptions): Consoles {
  const { records, clock, random, resources } = options;
  const tickets = new Tickets({ records, clock, random });
  return {
    service: consoleService({ ...options, tickets }),
    sessions: new ConsoleSessions({
      ...options,
      tickets,
      attributes: ({ tenant, vmId }) => resources.attributes(vmKind(), tenant, vmId),
    }),
  };
}
