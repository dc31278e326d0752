// The one suite that every database must pass.
import { describe } from "@jest/globals";
import type { Open } from "./fixtures.ts";
import { eachTest } from "./opened.ts";
import { claims } from "./suite/claims.ts";
import { events } from "./suite/events.ts";
import { guards } from "./suite/guards.ts";
import { limits } from "./suite/limits.ts";
import { lists } from "./suite/lists.ts";
import { records } from "./suite/records.ts";
import { references } from "./suite/references.ts";
import { tasks } from "./suite/tasks.ts";
import { transactions } from "./suite/transactions.ts";

/** `open` makes a fresh, empty store for each test. */
export function storeSuite(name: string, open: Open): void {
  describe(name, () => {
    const fresh = eachTest(open);
    for (const part of [transactions, guards, claims, references, limits, lists, events, tasks, records]) part(fresh);
  });
}
