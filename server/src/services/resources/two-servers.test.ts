import { create as message } from "@bufbuild/protobuf";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { State, WatchRequestSchema } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import {
  ListWidgetsResponseSchema,
  WatchWidgetsResponseSchema,
} from "@photoncloud/proto/gen/photoncloud/test/v1/widget_pb";
import { openPostgresStore } from "../../store/index.ts";
import { postgresMissing, startPostgres, type TestPostgres } from "../../store/testing/postgres.ts";
import {
  acme,
  as,
  callOf,
  type Fixture,
  fixtureOver,
  kindOf,
  makeTenants,
  outcome,
  toyReconciler,
} from "./testing/fixture.ts";

const missing = postgresMissing();
if (missing === undefined) onPostgres();
else test.skip(`two servers on one PostgreSQL (${missing})`, () => undefined);

function onPostgres(): void {
  let server: TestPostgres;
  let servers: readonly [Fixture, Fixture];
  beforeAll(async () => {
    server = await startPostgres();
  }, 90_000);
  afterAll(() => server.stop(), 30_000);
  beforeEach(async () => {
    const url = await server.createDatabase();
    const open = async () => fixtureOver(await openPostgresStore({ url }), { widget: { reconciler: toyReconciler } });
    servers = [await open(), await open()];
    await makeTenants(servers[0]);
  });
  afterEach(() => Promise.all(servers.map((one) => one.close())));

  /** One server and then the other. */
  const at = (i: number): Fixture => servers[i % 2 === 0 ? 0 : 1];
  const everySecond = Array.from({ length: 12 }, (_, i) => i);

  describe("two servers on one PostgreSQL", () => {
    test("give a name once", async () => {
      const outcomes = await Promise.all(everySecond.map((i) => outcome(at(i).create({ name: "gear" }))));
      expect(outcomes.filter((one) => one !== "ALREADY_EXISTS name:unique")).toEqual(["photoncloud.test.v1.Widget"]);
    });

    test("give one answer for an idempotency key", async () => {
      const made = await Promise.all(everySecond.map((i) => at(i).create({ name: "gear" }, { idempotencyKey: "k" })));
      expect(new Set(made.map((widget) => widget.id)).size).toBe(1);
    });

    test("hold an answer back until the other made the resource ready", async () => {
      const creating = at(0).create({ name: "gear" }, { waitMs: 20_000 });
      const deadline = Date.now() + 20_000;
      for (let id = ""; id === "" && Date.now() < deadline; ) {
        const { widgets } = as(ListWidgetsResponseSchema, await at(1).call("list", acme));
        id = widgets[0]?.id ?? "";
        if (id !== "") await at(1).settle(id);
      }
      expect((await creating).status?.state).toBe(State.READY);
    });

    test("walk each other's pages", async () => {
      const ids = await Promise.all(everySecond.map(async (i) => (await at(i).create({ name: `w${i}` })).id));
      const found: string[] = [];
      let pageToken = "";
      for (let i = 0; i === 0 || pageToken !== ""; i++) {
        const page = as(ListWidgetsResponseSchema, await at(i).call("list", { ...acme, pageSize: 5, pageToken }));
        found.push(...page.widgets.map((widget) => widget.id));
        pageToken = page.nextPageToken;
      }
      expect(found).toEqual(ids.toSorted());
    });

    test("miss nothing that the other writes, also across watches that go on from a cursor", async () => {
      const names = Array.from({ length: 60 }, (_, i) => `w${i}`);
      let { cursor } = as(ListWidgetsResponseSchema, await at(0).call("list", acme));
      const making = Promise.all(names.map((name, i) => at(i).create({ name })));
      const seen = new Set<string>();
      for (let i = 0; seen.size < names.length; i++) {
        const leaving = new AbortController();
        const watch = at(i).resources.watch(
          kindOf("widget"),
          message(WatchRequestSchema, { ...acme, cursor }),
          callOf({ signal: leaving.signal }),
        );
        let turns = 0;
        for await (const change of watch) {
          const next = as(WatchWidgetsResponseSchema, change);
          cursor = next.cursor;
          if (next.widget !== undefined) seen.add(next.widget.name);
          if (++turns === 9 || seen.size === names.length) leaving.abort();
          if (leaving.signal.aborted) break;
        }
      }
      await making;
      expect(seen).toEqual(new Set(names));
    });
  });
}
