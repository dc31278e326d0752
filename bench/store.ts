// Durable creates per second through the store, against what bare node:sqlite commits with the same sync setting in the same run.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openSqliteStore } from "../server/src/store/index.ts";
import type { ResourceKey, Store } from "../server/src/store/store.ts";

/** One figure beside its floor: what the same machine does in the same minute without us. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly floor: number;
  /** value / floor */
  readonly ratio: number;
  readonly unit: string;
}

const callers = 64;
const durationMs = 2_000;
/** About what a resource and its event weigh. */
const payload = new Uint8Array(700).fill(7);

/** Measures for about ten seconds. */
export async function bench(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "photon-bench-"));
  try {
    const single = bareCommits(join(folder, "single.db"), 1);
    const grouped = bareCommits(join(folder, "grouped.db"), callers);
    const value = await creates(join(folder, "store.db"));
    const unit = "creates/s";
    const name = `durable creates, ${callers} callers, with claim, reference, event and task`;
    return [
      { name: `${name} / bare SQLite, one row per commit`, value, floor: single, ratio: value / single, unit },
      {
        name: `${name} / bare SQLite, ${callers} rows per commit`,
        value,
        floor: grouped,
        ratio: value / grouped,
        unit,
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Rows per second of the plainest durable insert. */
function bareCommits(file: string, rowsPerCommit: number): number {
  const database = new DatabaseSync(file);
  database.exec(
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (id TEXT PRIMARY KEY, data BLOB)",
  );
  const insert = database.prepare("INSERT INTO t VALUES (?, ?)");
  const start = performance.now();
  let rows = 0;
  while (performance.now() - start < durationMs) {
    database.exec("BEGIN IMMEDIATE");
    for (let index = 0; index < rowsPerCommit; index++) insert.run(`row-${rows++}`, payload);
    database.exec("COMMIT");
  }
  const perSecond = (rows * 1000) / (performance.now() - start);
  database.close();
  return perSecond;
}

async function creates(file: string): Promise<number> {
  const store = await openSqliteStore({ file });
  const vpc = keyOf("vpc-0", "bench.v1.Vpc");
  await create(store, vpc, []);
  const start = performance.now();
  let made = 0;
  const call = async (caller: number) => {
    for (let count = 0; performance.now() - start < durationMs; count++, made++) {
      await create(store, keyOf(`subnet-${caller}-${count}`, "bench.v1.Subnet"), [{ path: "vpc_id", target: vpc }]);
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, caller) => call(caller)));
  const perSecond = (made * 1000) / (performance.now() - start);
  await store.close();
  return perSecond;
}

function keyOf(id: string, kind: string): ResourceKey {
  return { tenant: { org: "acme", project: "alpha" }, kind, id };
}

function create(store: Store, key: ResourceKey, references: { path: string; target: ResourceKey }[]): Promise<void> {
  return store.transact(async (tx) => {
    const claims = [{ space: "name", key: key.id }];
    tx.create({ ...key, name: key.id, data: payload, claims, references });
    tx.schedule(key);
    const who = { actor: "user:acme/ada", sourceIp: "192.0.2.1", requestId: key.id, method: "m", permission: "p" };
    tx.append({ ...key, ...who, type: "created", version: 1, resource: payload });
  });
}
