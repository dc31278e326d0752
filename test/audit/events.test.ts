// Every mutation and every denial is in the log: with who, by which credential, from where, in which call and what decided; to be read by the org's
// and the project's administrator, and by nobody of another org.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { openProvider, type TestProvider } from "../../server/src/services/iam/federation/testing/provider.ts";
import { onEachDatabase } from "../databases.ts";
import { call, type Json } from "../isolation/calls.ts";
import { eventsOf } from "./log.ts";
import { org, project, rivalOrg, Story } from "./story.ts";

const storyMs = 60_000;

/** Texts that begin with ~ are patterns. */
function expected(event: Json): Json {
  const wanted = ([name, value]: [string, unknown]) =>
    typeof value === "string" && value.startsWith("~") ? [name, expect.stringMatching(value.slice(1))] : [name, value];
  return Object.fromEntries(Object.entries(event).map(wanted));
}

onEachDatabase((database) => {
  let cloud: TestCloud;
  let provider: TestProvider;
  let story: Story;
  let admin: string;
  beforeAll(async () => {
    provider = await openProvider([]);
    cloud = await startTestCloud(database());
    admin = await cloud.adminToken();
    story = new Story(cloud.url, admin, provider);
    await story.tell();
  }, storyMs);
  afterAll(async () => {
    await cloud.stop();
    await provider.close();
  });

  test("each step has its event, with all fields, in the log of its org, its project or the system", async () => {
    const logs = {
      org: await eventsOf(cloud.url, { org_id: org }, story.readers.org),
      project: await eventsOf(cloud.url, { org_id: org, project_id: project }, story.readers.project),
      system: await eventsOf(cloud.url, {}, admin),
    };
    for (const { requestId, log, event } of story.steps) {
      const found = logs[log].filter((one) => one.requestId === requestId);
      expect({ requestId, found }).toEqual({
        requestId,
        found: expect.arrayContaining([expect.objectContaining({ time: expect.any(String), ...expected(event) })]),
      });
      // What a project's administrator reads, the org's reads, too.
      if (log === "project") expect(logs.org.map((one) => one.requestId)).toContain(requestId);
    }
  });

  describe("nobody of another org", () => {
    test("reads any of it", async () => {
      for (const scope of [{ org_id: org }, { org_id: org, project_id: project }, {}])
        await expect(eventsOf(cloud.url, scope, story.readers.rival)).rejects.toThrow("permission_denied");
    });

    test("finds any of it in their own log", async () => {
      const theirs = await eventsOf(cloud.url, { org_id: rivalOrg }, story.readers.rival);
      const told = new Set(story.steps.map(({ requestId }) => requestId));
      expect(theirs.filter(({ requestId }) => told.has(String(requestId)))).toEqual([]);
      const notTheirOwn = theirs.filter(({ actor }) => actor !== `user:${rivalOrg}/rex`);
      expect(JSON.stringify(notTheirOwn)).not.toContain(org);
      // Of the operators' doings they see the sort of credential, and neither session nor binding.
      const operators = theirs.filter(({ actor }) => actor === "user:system/admin");
      expect(operators.length).toBeGreaterThan(0);
      for (const event of operators) {
        expect(event).toMatchObject({ credential: "password", decidedBy: "role_binding" });
        expect(event).not.toHaveProperty("sessionId");
      }
    });
  });

  test("the log is asked by actor, decision, method and time", async () => {
    const ask = async (more: Json) => {
      const request = { org_id: org, page_size: 1000, ...more };
      const { body } = await call(cloud.url, "chainfire.v1.EventService/ListEvents", request, story.readers.org);
      return Array.isArray(body.events) ? body.events : [];
    };
    const all = await ask({});
    const filters: readonly [Json, (event: Json) => boolean][] = [
      [{ actor: "user:acme/fay" }, ({ actor }) => actor === "user:acme/fay"],
      [{ decision: "EVENT_DECISION_DENIED" }, ({ decision }) => decision === "EVENT_DECISION_DENIED"],
      [{ decision: "EVENT_DECISION_ALLOWED" }, ({ decision }) => decision === "EVENT_DECISION_ALLOWED"],
      [{ method: "prismnet.v1.VpcService/CreateVpc" }, ({ method }) => method === "prismnet.v1.VpcService/CreateVpc"],
      [{ end_time: "2020-01-01T00:00:00Z" }, () => false],
      [{ start_time: "2020-01-01T00:00:00Z" }, () => true],
    ];
    for (const [filter, holds] of filters) expect(await ask(filter)).toEqual(all.filter(holds));
  });
});
