// A database that an earlier version wrote, which knew no quotas.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test } from "@jest/globals";
import { VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { simulatedDrivers } from "../../backends/detect.ts";
import { openSqliteStore } from "../../store/sqlite/open.ts";
import { openCloudOver } from "../testing/small-cloud.ts";
import { measureAll } from "./measure-all.ts";

const folder = mkdtempSync(join(tmpdir(), "photon-q-"));
const file = join(folder, "store.db");
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const alpha = { org: "acme", project: "alpha" };
const measures = ["vcpus", "memory_mib", "disk_gib", VmSchema.typeName];

/** Takes back what the schema has for quotas. */
function forgetQuotas(): void {
  const database = new DatabaseSync(file);
  database.exec("DROP INDEX resources_with_amounts; DROP INDEX resources_with_limits");
  database.exec("ALTER TABLE resources DROP COLUMN amounts; ALTER TABLE resources DROP COLUMN limits");
  database.exec("DELETE FROM schema_migrations WHERE number >= 4");
  database.close();
}

test("measureAll() measures what was stored before there were quotas, once, and changes nothing else", async () => {
  const cloud = await openCloudOver({ drivers: simulatedDrivers(), store: await openSqliteStore({ file }) });
  const made = [];
  for (const cpu of [1, 2, 4])
    made.push(await cloud.make(VmSchema, { orgId: "acme", projectId: "alpha", name: `n${cpu}`, spec: { cpu } }));
  const used = await cloud.store.usage(alpha, measures);
  await cloud.stop();
  forgetQuotas();

  const store = await openSqliteStore({ file });
  const again = await openCloudOver({ drivers: simulatedDrivers(), store, isReplica: true });
  const { slices } = again.resources;
  expect(await store.usage(alpha, measures)).toMatchObject({ vcpus: 0, [VmSchema.typeName]: 3 });
  const before = await Promise.all(made.map(({ id }) => again.get(VmSchema, id)));
  expect(await measureAll({ store, slices })).toBeGreaterThanOrEqual(3);
  expect(await measureAll({ store, slices })).toBe(0);
  expect(await store.usage(alpha, measures)).toEqual(used);
  expect(used).toMatchObject({ vcpus: 7, memory_mib: 1536 });
  const after = await Promise.all(made.map(({ id }) => again.get(VmSchema, id)));
  expect(after.map(({ etag }) => etag)).toEqual(before.map(({ etag }) => etag));
  await again.stop();
});
