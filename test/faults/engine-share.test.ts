// Two servers' engines on one PostgreSQL share the work; one is killed in the middle, the other finishes it.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { State } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { storedStatus } from "../../server/src/engine/message.ts";
import { openStore } from "../../server/src/store/open.ts";
import type { Reference, ResourceKey, Store } from "../../server/src/store/store.ts";
import { postgresMissing, startPostgres, type TestPostgres } from "../../server/src/store/testing/postgres.ts";
import { FolderBackend } from "./folder-backend.ts";

const tenant = { org: "acme", project: "alpha" };
const count = 60;
const deadlineMs = 60_000;
const withPostgres = postgresMissing() === undefined ? test : test.skip;

let postgres: TestPostgres | undefined;
let folder = "";
const workers: ChildProcess[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "photon-share-"));
  if (postgresMissing() === undefined) postgres = await startPostgres();
}, deadlineMs);

afterAll(async () => {
  for (const worker of workers) if (worker.exitCode === null) worker.kill("SIGKILL");
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
}, deadlineMs);

async function startWorker(url: string): Promise<ChildProcess> {
  const script = join(import.meta.dirname, "engine-worker.ts");
  const args = ["--conditions=photon-source", script, url, folder];
  const worker = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  workers.push(worker);
  await once(worker.stdout, "data");
  return worker;
}

const keyOf = (schema: DescMessage, id: string): ResourceKey => ({ tenant, kind: schema.typeName, id });

async function add(store: Store, schema: DescMessage, id: string, message: Message, references: Reference[]) {
  const key = keyOf(schema, id);
  const data = toBinary<DescMessage>(schema, message);
  await store.transact(async (tx) => {
    tx.create({ ...key, name: id, data, claims: [], references });
    tx.schedule(key);
  });
}

async function addAll(store: Store): Promise<void> {
  const ids = Array.from({ length: count }, (_, i) => String(i).padStart(3, "0"));
  await Promise.all(ids.map((id) => add(store, VpcSchema, `vpc-${id}`, create(VpcSchema, { id: `vpc-${id}` }), [])));
  await Promise.all(
    ids.map((id) => {
      const subnet = create(SubnetSchema, { id: `subnet-${id}`, vpcId: `vpc-${id}` });
      const reference = { path: "vpc_id", target: keyOf(VpcSchema, `vpc-${id}`) };
      return add(store, SubnetSchema, `subnet-${id}`, subnet, [reference]);
    }),
  );
}

async function ready(store: Store): Promise<number> {
  let sum = 0;
  for (const schema of [VpcSchema, SubnetSchema]) {
    const rows = await store.list({ tenants: [tenant], kind: schema.typeName, limit: 1_000 });
    sum += rows.filter((row) => storedStatus(schema, row)?.state === State.READY).length;
  }
  return sum;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const giveUp = Date.now() + deadlineMs;
  while (!(await holds())) {
    if (Date.now() > giveUp) throw new Error(`after ${deadlineMs} ms it still does not hold: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const expected = ["gateway-subnet", "router-vpc", "switch-subnet", "table-vpc"].flatMap((prefix) =>
  Array.from({ length: count }, (_, i) => `${prefix}-${String(i).padStart(3, "0")}`),
);

withPostgres(
  "two engines share the work, and one finishes it when the other is killed",
  async () => {
    const url = postgres?.url ?? "";
    const store = await openStore(url);
    try {
      const [killed, survivor] = await Promise.all([startWorker(url), startWorker(url)]);
      await addAll(store);
      await until("a third is ready", async () => (await ready(store)) >= (2 * count) / 3);
      killed.kill("SIGKILL");
      await until("all are ready", async () => (await ready(store)) === 2 * count);
      await until("no task is left", async () => (await store.nextDue()) === undefined);

      const backend = new FolderBackend(folder);
      expect([...backend.things()].sort()).toEqual(expected);
      expect(backend.notes("violations")).toEqual([]);
      const makers = new Set(backend.notes("made").map((line) => Number(line.split(" ")[0])));
      expect(makers).toEqual(new Set([killed.pid, survivor.pid]));

      survivor.kill("SIGTERM");
      expect(await once(survivor, "exit")).toEqual([0, null]);
    } finally {
      await store.close();
    }
  },
  2 * deadlineMs,
);
