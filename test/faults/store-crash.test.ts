// Kills writers and databases under load, and checks that what was acknowledged is there and that nothing is half there.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { openStore } from "../../server/src/store/index.ts";
import type { Store } from "../../server/src/store/store.ts";
import { postgresMissing, startPostgres } from "../../server/src/store/testing/postgres.ts";
import { crashKind, crashSpace, crashTenant } from "./store-crash.writes.ts";

const writer = fileURLToPath(new URL("./store-crash.writer.ts", import.meta.url));
const everything = 1_000_000;
const roundsOnSqlite = 20;
const roundsOnPostgres = 5;
const timeoutMs = 240_000;

const children = new Set<ChildProcess>();
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

/** Starts a writer and answers its acknowledged ids one by one as it prints them. */
function startWriter(url: string, round: number): { child: ChildProcess; ids: AsyncIterableIterator<string> } {
  const child = spawn(process.execPath, ["--conditions=photon-source", writer, url, String(round)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.add(child);
  child.once("exit", () => children.delete(child));
  return { child, ids: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

/** Reads ids until there are `count`, or to the end of the writer. */
async function take(ids: AsyncIterableIterator<string>, count: number): Promise<readonly string[]> {
  const taken: string[] = [];
  while (taken.length < count) {
    const next = await ids.next();
    if (next.done) break;
    taken.push(next.value);
  }
  return taken;
}

/** Lets a writer run until it has acknowledged a random number of writes, kills it, and answers all that it acknowledged. */
async function killedRound(url: string, round: number): Promise<readonly string[]> {
  const { child, ids } = startWriter(url, round);
  const before = await take(ids, 1 + Math.floor(Math.random() * 300));
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
  return [...before, ...(await take(ids, everything))];
}

/** Fails unless all acknowledged ids are stored, and each stored resource has its claim, its event and its task, and none is without it. */
async function check(url: string, acknowledged: readonly string[]): Promise<void> {
  const store = await openStore(url);
  try {
    const resources = (await store.list({ tenants: [crashTenant], kind: crashKind, limit: everything })).map(
      ({ id }) => id,
    );
    const stored = new Set(resources);
    expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
    const claims = await store.transact((tx) => tx.claims(crashSpace, everything));
    expect(claims.map(({ key }) => key).sort()).toEqual([...resources].sort());
    expect((await eventIds(store)).sort()).toEqual([...resources].sort());
    const tasks = await store.lease({ owner: "check", limit: everything, leaseMs: 0 });
    expect(tasks.map(({ key }) => key.id).sort()).toEqual([...resources].sort());
  } finally {
    await store.close();
  }
}

async function eventIds(store: Store): Promise<string[]> {
  const { events } = await store.events("", { limit: everything });
  return events.map(({ id }) => id);
}

describe("a store whose writer is killed", () => {
  test(
    `SQLite loses nothing that it acknowledged and shows nothing half-done, ${roundsOnSqlite} times`,
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "photon-crash-"));
      const url = `sqlite://${join(folder, "store.db")}`;
      const acknowledged: string[] = [];
      for (let round = 0; round < roundsOnSqlite; round++) {
        acknowledged.push(...(await killedRound(url, round)));
        await check(url, acknowledged);
      }
      expect(acknowledged.length).toBeGreaterThan(roundsOnSqlite);
      rmSync(folder, { recursive: true });
    },
    timeoutMs,
  );

  const missing = postgresMissing();
  if (missing !== undefined) test.skip(`PostgreSQL, whichever side dies (${missing})`, () => undefined);
  else onPostgres();
});

function onPostgres(): void {
  test(
    `PostgreSQL loses nothing when the client is killed, ${roundsOnPostgres} times`,
    async () => {
      const server = await startPostgres();
      try {
        const acknowledged: string[] = [];
        for (let round = 0; round < roundsOnPostgres; round++) {
          acknowledged.push(...(await killedRound(server.url, round)));
          await noSessions(server.url);
          await check(server.url, acknowledged);
        }
      } finally {
        await server.stop();
      }
    },
    timeoutMs,
  );

  test(
    "PostgreSQL loses nothing when one of its processes is killed, and the store goes on",
    async () => {
      const server = await startPostgres();
      try {
        const { child, ids } = startWriter(server.url, 0);
        const acknowledged = [...(await take(ids, 100))];
        for (let round = 0; round < roundsOnPostgres; round++) {
          await killASession(server.url);
          acknowledged.push(...(await take(ids, 50 + Math.floor(Math.random() * 200))));
        }
        child.kill("SIGKILL");
        acknowledged.push(...(await take(ids, everything)));
        await noSessions(server.url);
        await check(server.url, acknowledged);
      } finally {
        await server.stop();
      }
    },
    timeoutMs,
  );
}

const otherSessions = "SELECT pid FROM pg_stat_activity WHERE application_name = 'photoncloud'";

/** Kills the process of one of the store's sessions, which makes PostgreSQL end all sessions and recover. One that has ended by itself meanwhile is none. */
async function killASession(url: string): Promise<void> {
  await until(async () => {
    const [session] = await ask(url, otherSessions);
    return session && process.kill(session.pid, "SIGKILL");
  });
}

/** Waits until the killed client's sessions have ended, so that its last transactions are over. */
async function noSessions(url: string): Promise<void> {
  await until(async () => ((await ask(url, otherSessions)).length === 0 ? true : undefined));
}

async function ask(url: string, question: string): Promise<readonly { readonly pid: number }[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return (await client.query<{ pid: number }>(question)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Asks again until there is an answer; a database that recovers refuses for a while. */
async function until<T>(answer: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const found = await answer().catch((error: unknown) => {
      if (Date.now() > deadline) throw error;
      return undefined;
    });
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error("no answer within 30 s");
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
